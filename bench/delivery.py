"""`python -m bench.delivery`: how fast one worker empties an outbox full of reset links, and what a mail costs.

Each mail goes to a user of its own. The sink runs as a process of its own; the processor time is the worker's alone.
"""

import argparse
import cProfile
import os
import pstats
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from flask import Flask
from sqlalchemy import func, insert, select

from chirp_auth import create_app
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.mail import outbox
from chirp_auth.models import OutboxEntry, User
from chirp_auth.runtime import migrations
from chirp_auth.worker import loop
from config import Settings, load

SINK_PORT = 5953


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as folder, _sink(options.seconds_per_mail):
        url = options.database_url or f"sqlite:///{Path(folder)}/bench.db"
        app = create_app(_settings(url))
        with app.app_context():
            migrations.upgrade()
            fill(options.mails)
        profile = cProfile.Profile()
        started, used = time.perf_counter(), time.process_time()
        if options.profile:
            profile.enable()
        drain(app, options.mails)
        profile.disable()
        seconds, used = time.perf_counter() - started, time.process_time() - used
        print(f"{options.mails} mails in {seconds:.1f} s: {options.mails / seconds:.0f}/s, ", end="")
        print(f"{used / options.mails * 1000:.2f} ms of processor time each")
        if options.profile:
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)


def _settings(url: str) -> Settings:
    return load(
        _env_file=None,
        database_url=url,
        smtp_host="127.0.0.1",
        smtp_port=SINK_PORT,
        secret_key="b3c9a51f0e7d4826a94b1c60f28e57d3",
        jwt_secret="62f08ad94c1be7530da8f96b247ce513",
    )


def fill(mails: int) -> None:
    """Add so many users, and a promised reset link for each."""
    names = [f"user{number}@example.com" for number in range(mails)]
    users = [{"id": uuid4(), "email": name, "email_key": name, "email_verified_at": now()} for name in names]
    db.session.execute(insert(User), users)
    for name in names:
        outbox.put("reset_link", name, ip="192.0.2.7", user_agent="Mozilla/5.0 Firefox/140.0")
    db.session.commit()
    db.session.remove()


def drain(app: Flask, mails: int) -> None:
    """Let one worker run until all mails are marked as sent."""
    stop = threading.Event()
    thread = threading.Thread(target=loop.run, args=(app, stop), daemon=True)
    thread.start()
    with app.app_context():
        sent = select(func.count()).select_from(OutboxEntry).where(OutboxEntry.sent_at.is_not(None))
        while (db.session.scalar(sent) or 0) < mails:
            db.session.rollback()
            time.sleep(0.1)
    stop.set()
    thread.join()


@contextmanager
def _sink(seconds_per_mail: float) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.plain_sink", str(SINK_PORT), str(seconds_per_mail)]
    process = subprocess.Popen(command, cwd=Path(__file__).parent.parent, env=dict(os.environ))
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", SINK_PORT), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.delivery", description=__doc__)
    parser.add_argument("--mails", type=int, default=3000)
    parser.add_argument("--seconds-per-mail", type=float, default=0.0, help="how long the mail server takes for each")
    parser.add_argument("--database-url", help="an empty PostgreSQL database; a SQLite file without it")
    parser.add_argument("--profile", action="store_true", help="of the main thread")
    return parser.parse_args()


if __name__ == "__main__":
    main()
