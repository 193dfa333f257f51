"""Workers and servers that are killed: what was accepted arrives all the same, and twice only as the same mail."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import create_engine, text, update

from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.models import OutboxEntry
from chirp_auth.worker import delivery, loop
from config import Settings
from tests.mail.conftest import entries
from tests.support.server import application, command
from tests.support.smtp import SmtpServer
from tests.support.test_support import processes_below
from tests.support.worker import start_thread

Promise = Callable[..., None]
Ask = Callable[[], OutboxEntry]

WORKER = ("flask", "--app", "wsgi", "auth", "worker")
DEMO = "demo@example.com"  # has an account on the first start in development


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """The settings of the test, for a process of its own."""
    return {
        "DATABASE_URL": settings.database_url,
        "PUBLIC_URL": settings.public_url,
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "JWT_SECRET": settings.jwt_secret.get_secret_value(),
        "SMTP_HOST": str(settings.smtp_host),
        "SMTP_PORT": str(settings.smtp_port),
        "BCRYPT_COST": "4",
    }


@pytest.fixture
def mail_thread(app: Application) -> Iterator[None]:
    """The thread that a server process has."""
    stop = start_thread(app)
    yield
    stop()


def links(mail_text: str) -> list[str]:
    return [word for word in mail_text.split() if "token=" in word]


def test_a_worker_killed_between_claim_and_mark_is_replaced_after_its_lease(
    environment: dict[str, str], ask_for_a_link: Ask, smtp_server: SmtpServer, tmp_path: Path
) -> None:
    smtp_server.seconds_after_keeping = 60
    entry = ask_for_a_link()
    with command(WORKER, environment, tmp_path) as process:
        process.wait_until(lambda: len(smtp_server.messages) == 1)
        process.kill()
    smtp_server.seconds_after_keeping = 0

    assert delivery.run_once() == 0, "the lease still holds"
    with time_machine.travel(now() + timedelta(seconds=30)):
        assert delivery.run_once() == 1

    first, second = smtp_server.messages
    assert first.message["Message-ID"] == second.message["Message-ID"] == entry.message_id
    assert links(first.text) == links(second.text) != []
    assert entries()[0].sent_at


def test_of_two_workers_one_is_killed_and_every_mail_leaves(
    environment: dict[str, str], promise: Promise, smtp_server: SmtpServer, tmp_path: Path
) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    smtp_server.seconds_after_keeping = 15
    with command(WORKER, environment, folders[0]) as one, command(WORKER, environment, folders[1]) as other:
        one.wait_until(lambda: "Delivering mail" in one.output and "Delivering mail" in other.output)
        promise(5)
        one.wait_until(lambda: smtp_server.deliveries == 1)
        promise(5)
        one.wait_until(lambda: smtp_server.deliveries == 2)
        one.kill()
        smtp_server.seconds_after_keeping = 0
        # What one had claimed stays leased, to one moment; claims of the same time divide the entries in any way.
        other.wait_until(lambda: len({entry.due_at for entry in entries() if not entry.sent_at}) == 1)

        held = [entry.due_at for entry in entries() if entry.due_at]
        assert len(held) < 10
        assert max(held) < now() + timedelta(seconds=30)
        db.session.execute(update(OutboxEntry).where(OutboxEntry.due_at.is_not(None)).values(due_at=now()))
        db.session.commit()
        other.wait_until(lambda: all(entry.sent_at for entry in entries()))

    sent = sorted(mail.message["Message-ID"] for mail in smtp_server.messages)
    assert set(sent) == {entry.message_id for entry in entries()}
    assert len(sent) == 11, "the one that was in flight came twice, as the same mail"


def test_the_application_killed_after_it_accepted_sends_the_mail_once_it_can(
    smtp_server: SmtpServer, tmp_path: Path
) -> None:
    smtp_server.stop()
    settings = {"SMTP_HOST": smtp_server.host, "SMTP_PORT": str(smtp_server.port), "BCRYPT_COST": "4"}
    with application(settings, tmp_path) as server:
        asked = urllib.request.Request(
            f"{server.base_url}/api/v1/auth/forgot-password",
            json.dumps({"email": DEMO}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(asked, timeout=5) as answer:
            assert answer.status == 200
        server.kill()
        assert not server.ready()
        assert processes_below(tmp_path) == []

    smtp_server.start()
    engine = create_engine(f"sqlite:///{tmp_path / 'chirp.db'}")
    with engine.begin() as connection:
        half_a_minute = text("UPDATE outbox SET due_at = datetime(due_at, '-30 seconds') WHERE sent_at IS NULL")
        assert connection.execute(half_a_minute).rowcount == 1
    engine.dispose()
    with application(settings, tmp_path) as server:
        (mail,) = smtp_server.wait_for(1, seconds=20)
        assert mail.recipients == (DEMO,)
        assert links(mail.text)


@pytest.mark.usefixtures("mail_thread")
def test_the_mail_thread_wakes_when_a_mail_is_promised(promise: Promise, smtp_server: SmtpServer) -> None:
    promise()

    smtp_server.wait_for(1)


def test_the_mail_thread_outlives_whatever_goes_wrong(
    app: Application, promise: Promise, smtp_server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "AWAY_PAUSE_SECONDS", 0.05)
    promise()
    db.session.execute(text("ALTER TABLE outbox RENAME TO away"))
    db.session.commit()
    stop = start_thread(app)
    try:
        with pytest.raises(TimeoutError):
            smtp_server.wait_for(1, seconds=0.5)
        db.session.execute(text("ALTER TABLE away RENAME TO outbox"))
        db.session.commit()
        smtp_server.wait_for(1)
    finally:
        stop()


@pytest.mark.usefixtures("mail_thread")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_no_transaction_is_open_while_a_server_is_spoken_to_and_a_lost_connection_loses_no_mark(
    app: Application, ask_for_a_link: Ask, promise: Promise, smtp_server: SmtpServer
) -> None:
    smtp_server.seconds_after_keeping = 1
    ask_for_a_link()
    promise()
    smtp_server.wait_for(1)

    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    states = db.session.scalars(text(f"SELECT state {others}")).all()
    db.session.scalars(text(f"SELECT pg_terminate_backend(pid) {others}")).all()
    db.session.commit()

    assert set(states) == {"idle"}
    smtp_server.wait_for(2)
    smtp_server.seconds_after_keeping = 0
    deadline = time.monotonic() + 10
    while any(entry.sent_at is None for entry in entries()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [(bool(entry.sent_at), entry.attempts) for entry in entries()] == [(True, 1)] * 2
