"""The server as a process: how it starts, what it says when it cannot, and that it leaves nothing behind."""

import json
import os
import shutil
import signal
import socket
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from chirp_auth.runtime.version import VERSION
from tests.attacks.settings import PRODUCTION
from tests.conftest import on_one_database
from tests.server.test_worker_process import children, command_line, is_running
from tests.support.child import accepts_connections, free_port
from tests.support.server import ROOT, Application, application, command
from tests.support.smtp import SmtpServer
from tests.support.test_support import processes_below

CHEAP = {"BCRYPT_COST": "4"}


def refused(settings: Mapping[str, str], folder: Path) -> str:
    """Start a server that has to refuse; return what it said."""
    server = Application(settings, folder)
    assert server.wait() == 1, server.output
    assert "Traceback" not in server.output
    return server.output


def status_of(url: str) -> int:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return int(answer.status)


def test_it_says_where_everything_is_makes_private_files_and_stops_without_a_trace(tmp_path: Path) -> None:
    folder = tmp_path / "a path with spaces, and ünïcode"
    folder.mkdir()
    with application(CHEAP, folder) as server:
        for words in ("App", "Mailbox", "/dev/mailbox", "Demo account", "demo@example.com", "chirp.db", "Ctrl-C"):
            assert words in server.output
        assert status_of(f"{server.base_url}/healthz/live") == 200
        assert status_of(f"{server.base_url}/dev/mailbox.json") == 200
        modes = {path.name: path.stat().st_mode & 0o777 for path in folder.glob("chirp.db*") if path.is_file()}
        assert {"chirp.db", "chirp.db-wal", "chirp.db.secret-key", "chirp.db.demo-password"} <= modes.keys()
        assert set(modes.values()) == {0o600}

        everybody = [server.pid, *children(server.pid)]
        assert server.stop() == 0  # SIGTERM to all of them, as from systemd.
        assert list(filter(is_running, everybody)) == []
        assert processes_below(folder) == []
        assert not accepts_connections(server.port)
        assert "Traceback" not in server.output


def test_a_busy_port_is_said_in_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        said = refused({**CHEAP, "PORT": str(port)}, tmp_path)

    assert f"Port {port} on 127.0.0.1 is busy" in said
    assert f"PORT={port + 1}" in said
    assert "make run" not in said, "it may be make serve that was refused"


def test_production_refuses_to_start_and_lists_every_problem(tmp_path: Path) -> None:
    said = refused({"APP_ENV": "production", "SECRET_KEY": "weak and short", "WEB_WORKERS": "2"}, tmp_path)

    for name in ("SECRET_KEY", "JWT_SECRET", "PUBLIC_URL", "SMTP_HOST", "WEB_WORKERS above 1 needs PostgreSQL"):
        assert f"  - {name}" in said
    assert "weak and short" not in said
    assert not (tmp_path / "chirp.db").exists()


def release_in(folder: Path) -> Path:
    """Make a folder with this release, whose templates may be replaced."""
    shutil.copytree(ROOT / "templates", folder / "templates")
    for module in ROOT.glob("*.py"):
        shutil.copy(module, folder)
    (folder / "chirp_auth").mkdir()  # Templates are beside the package, and a link to it would lead to ours.
    for path in (
        *(ROOT / "chirp_auth").iterdir(),
        *(ROOT / name for name in ("migrations", "static", "pyproject.toml")),
    ):
        (folder / path.relative_to(ROOT)).symlink_to(path)
    return folder


def test_production_serves_without_a_mailbox_and_logs_json(tmp_path: Path) -> None:
    release = release_in(tmp_path / "release")
    settings = {**PRODUCTION, "RATE_LIMITS_ENABLED": "false", "PYTHONPATH": str(release)}
    with application(settings, tmp_path) as server:
        for page in (release / "templates").rglob("*.html"):
            page.write_text("{{ of_the_next_release() }}")
        assert status_of(f"{server.base_url}/login") == 200
        with pytest.raises(urllib.error.HTTPError, match="404"):
            status_of(f"{server.base_url}/dev/mailbox")
        assert "demo@example.com" not in server.output
        (web,) = [pid for pid in children(server.pid) if "multiprocessing-fork" in command_line(pid)]
        os.kill(web, signal.SIGKILL)
        server.wait_until(lambda: "worker-1" in server.output)  # granian's own word for it

        lines = [json.loads(line) for line in server.output.splitlines()]
        assert {line["path"] for line in lines if line["event"] == "request"} >= {"/login", "/dev/mailbox"}
        (start,) = [line for line in lines if line["event"] == "starting"]
        assert (start["version"], start["port"]) == (VERSION, server.port)
        assert start["settings"]["APP_ENV"] == "production"
        (unsafe,) = [line["warning"] for line in lines if line["event"] == "unsafe setting"]
        assert unsafe == "RATE_LIMITS_ENABLED=false lets every client ask without end."
        assert not any(secret in server.output for name, secret in PRODUCTION.items() if "SECRET" in name)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://chirp:pass-word@127.0.0.1:1/chirp", "Is it running, and is DATABASE_URL right?"),
        ("sqlite:////proc/nowhere/chirp.db", "or change DATABASE_URL"),
        ("mysql://h/x", "DATABASE_URL must begin with"),
    ],
)
def test_a_database_that_cannot_be_used_is_said_in_words(tmp_path: Path, url: str, told: str) -> None:
    said = refused({**PRODUCTION, "DATABASE_URL": url}, tmp_path)

    assert told in said
    assert "pass-word" not in said


def test_a_database_from_the_future_is_not_touched(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'chirp.db'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('9999')"))

    assert "The database is newer than this release and has no " in refused(CHEAP, tmp_path)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
    engine.dispose()


def test_it_stays_up_while_the_mail_server_is_away(smtp_server: SmtpServer, tmp_path: Path) -> None:
    smtp_server.stop()
    settings = {**CHEAP, "SMTP_HOST": smtp_server.host, "SMTP_PORT": str(free_port())}
    with application(settings, tmp_path) as server:
        asked = urllib.request.Request(
            f"{server.base_url}/api/auth/forgot-password",
            b'{"email": "demo@example.com"}',
            {"Content-Type": "application/json"},
        )
        before = time.monotonic()
        with urllib.request.urlopen(asked, timeout=5) as answer:
            assert json.load(answer)["success"] is True
        assert time.monotonic() - before < 5, "the answer does not wait for the mail server"
        server.wait_until(lambda: "mail server away" in server.output)
        assert status_of(f"{server.base_url}/healthz/ready") == 200


@on_one_database
def test_a_worker_alone_delivers_what_is_due_and_ends(database_url: str, tmp_path: Path) -> None:
    settings = {**CHEAP, "DATABASE_URL": database_url}
    with command(("flask", "--app", "wsgi", "auth", "worker", "--once"), settings, tmp_path) as worker:
        assert worker.wait() == 0, worker.output
        assert "Worked on 0 mails." in worker.output
