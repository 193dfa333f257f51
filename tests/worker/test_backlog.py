"""A backlog of unsealed events: mail leaves at once, the worker is seen, and the backlog shrinks round by round."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import insert

from chirp_auth.admin import audit_trail
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail import job_locks
from chirp_auth.models import SecurityEvent
from chirp_auth.worker import delivery, periodic
from tests.conftest import TEST_CLIENT
from tests.support.smtp import SmtpServer
from tests.support.worker import start_thread

BACKLOG = 50_000
SOON_SECONDS = 3.0  # A mail takes a tenth of that; sealing the backlog in one go takes longer.

Promise = Callable[..., None]


@pytest.fixture
def backlog(app: Application) -> int:
    """Put many events into the trail at once, as an import does."""
    row = {"kind": "user.imported", "outcome": "ok", "face": "cli", "at": now(), "ip": "192.0.2.7"}
    db.session.execute(insert(SecurityEvent.metadata.tables["security_events"]), [row] * BACKLOG)
    db.session.commit()
    return audit_trail.count_unsealed()


def unsealed() -> int:
    db.session.rollback()
    return audit_trail.count_unsealed()


def is_less_than(before: int) -> bool:
    return unsealed() < before


def have_arrived(server: SmtpServer, mails: int) -> bool:
    return len(server.messages) == mails


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    started = time.monotonic()
    while not holds():
        assert time.monotonic() < started + seconds, "it took too long"
        time.sleep(0.02)


def test_mail_leaves_and_the_worker_is_seen_while_a_backlog_is_sealed(
    app: Application, backlog: int, promise: Promise, smtp_server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(periodic.JOBS, audit_trail.seal_some_events, timedelta())
    monkeypatch.setattr(delivery, "IDLE_SECONDS", 0.1)
    promise()
    stop = start_thread(app)
    try:
        wait_until(partial(have_arrived, smtp_server, 1), SOON_SECONDS)
        assert job_locks.last_acquired(job_locks.DELIVERY)
        assert unsealed() > 0, "the first mail was to meet the backlog"
        for sent in range(2, 6):
            wait_until(partial(is_less_than, unsealed()), SOON_SECONDS)
            promise()
            wait_until(partial(have_arrived, smtp_server, sent), SOON_SECONDS)
    finally:
        stop()
    assert 0 < unsealed() < backlog


@pytest.mark.usefixtures("app")
def test_other_jobs_wait_while_there_is_mail_but_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    audit_trail.note("mail.tested", TEST_CLIENT)
    schedule = periodic.Schedule()

    schedule.run_beside_mail(lambda: True)
    assert (job_locks.last_acquired(job_locks.DELIVERY) is not None, unsealed()) == (True, 1)

    monkeypatch.setattr(periodic, "PATIENCE_SECONDS", 0)
    schedule.run_beside_mail(lambda: True)
    assert unsealed() == 0
