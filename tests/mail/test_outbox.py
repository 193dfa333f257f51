"""The outbox: an entry goes to one worker at a time, and comes back when that one does not finish."""

from collections.abc import Callable
from datetime import datetime, timedelta

import time_machine

from chirp_auth.admin import outbox as admin_outbox
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail import outbox
from chirp_auth.models import OutboxEntry
from chirp_auth.worker import delivery
from config import Settings
from tests.conftest import TEST_CLIENT
from tests.mail.conftest import entries
from tests.support.smtp import SmtpServer
from tests.support.together import OK, in_processes, in_threads

Promise = Callable[..., None]

NOON = datetime.fromisoformat("2026-11-21T12:00:00+00:00")


def claim(limit: int = 100) -> list[OutboxEntry]:
    claimed = list(outbox.claim(limit))
    db.session.commit()
    db.session.remove()
    return claimed


def drain() -> None:
    """What each process does; the application's settings lead it to the same database and mail server."""
    while delivery.run_once():
        pass


def test_a_claimed_entry_is_nobody_elses_until_its_lease_ends(promise: Promise) -> None:
    with time_machine.travel(NOON, tick=False):
        promise(3)
        assert len(claim(2)) == 2
        assert len(claim()) == 1
        assert claim() == []
    with time_machine.travel(NOON + timedelta(seconds=29), tick=False):
        assert claim() == []
    with time_machine.travel(NOON + timedelta(seconds=30), tick=False):
        assert [entry.attempts for entry in claim()] == [2, 2, 2]


def test_a_worker_that_lost_its_lease_marks_nothing(promise: Promise) -> None:
    with time_machine.travel(NOON, tick=False):
        promise()
        (mine,) = claim()
    with time_machine.travel(NOON + outbox.LEASE, tick=False):
        (theirs,) = claim()
        outbox.mark_sent([mine])
        outbox.park([mine], "550 no")
        outbox.retry_later([mine], "451 later")
        outbox.release([mine])
        db.session.commit()
        assert [(entry.due_at, entry.sent_at) for entry in entries()] == [(theirs.due_at, None)]
        outbox.mark_sent([theirs])
        db.session.commit()
        assert [entry.sent_at for entry in entries()] == [NOON + outbox.LEASE]


def test_a_rollback_between_claim_and_mark_does_not_lose_the_lease(promise: Promise) -> None:
    with time_machine.travel(NOON, tick=False):
        promise()
        (mine,) = outbox.claim(1)
        db.session.commit()
        db.session.rollback()
    with time_machine.travel(NOON + outbox.LEASE, tick=False):
        claim()
        outbox.mark_sent([mine])
        db.session.commit()

    assert [entry.sent_at for entry in entries()] == [None]


def test_what_is_rolled_back_was_never_promised(promise: Promise) -> None:
    outbox.put("password_changed", "alice@example.com")
    db.session.rollback()

    assert entries() == []


def test_a_mail_that_is_put_off_waits_longer_and_longer_and_is_parked_after_a_day(promise: Promise) -> None:
    moment, pauses = NOON, []
    with time_machine.travel(NOON, tick=False):
        promise()
    while True:
        with time_machine.travel(moment, tick=False):
            (mine,) = claim()
            outbox.retry_later([mine], "451 later")
            db.session.commit()
            (entry,) = entries()
        if entry.due_at is None:
            break
        pauses.append(entry.due_at - moment)
        moment = entry.due_at

    assert max(pauses[:10]) < timedelta(seconds=20)
    assert timedelta(minutes=12) < pauses[-1] < timedelta(minutes=17)
    assert moment - NOON > timedelta(days=1)
    assert (entry.sent_at, entry.last_error) == (None, "451 later")


def test_an_old_mail_that_an_operator_puts_back_gets_its_first_retries_again(promise: Promise) -> None:
    with time_machine.travel(NOON, tick=False):
        promise()
    late, tries = NOON + timedelta(days=3), 0
    with time_machine.travel(late, tick=False):
        (mine,) = claim()
        outbox.park([mine], "550 no")
        db.session.commit()
        assert admin_outbox.retry(mine.id, TEST_CLIENT) == 1
    due: datetime | None = late
    while due is not None:
        with time_machine.travel(due, tick=False):
            (mine,) = claim()
            outbox.retry_later([mine], "451 later")
            db.session.commit()
            (entry,) = entries()
        due, tries = entry.due_at, tries + 1

    assert tries == outbox.FIRST_RETRIES


def test_while_the_mail_server_is_away_every_pause_is_short(promise: Promise) -> None:
    with time_machine.travel(NOON, tick=False):
        promise()
    for minutes in range(0, 60 * 23, 60):
        moment = NOON + timedelta(minutes=minutes)
        with time_machine.travel(moment, tick=False):
            mine = claim()
            outbox.postpone(mine, "ConnectionRefusedError")
            db.session.commit()
            (entry,) = entries()
            assert entry.due_at
            assert timedelta(0) < entry.due_at - moment < timedelta(seconds=20)


def test_threads_that_claim_at_once_never_share(app: Application, promise: Promise) -> None:
    promise(40)
    claimed: list[OutboxEntry] = []

    assert in_threads(app, [lambda: claimed.extend(claim(10))] * 6) == [OK] * 6
    claimed.extend(claim())

    assert len(claimed) == len({entry.id for entry in claimed}) == 40


def test_processes_that_drain_at_once_send_each_mail_once(
    settings: Settings, promise: Promise, smtp_server: SmtpServer
) -> None:
    promise(200)

    assert in_processes(settings, 3, drain) == [OK] * 3

    sent = [mail.message["Message-ID"] for mail in smtp_server.messages]
    assert len(sent) == smtp_server.deliveries == 200
    assert set(sent) == {entry.message_id for entry in entries()}
    assert all(entry.sent_at and entry.attempts == 1 for entry in entries())
