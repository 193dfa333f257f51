"""Clean-up: what is over and old goes, by hand and by the worker; what is not stays."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest
import time_machine
from flask.testing import FlaskCliRunner
from sqlalchemy import func, insert, select, update

from chirp_auth.accounts import address_change, known_devices, password_reset, sign_in
from chirp_auth.admin import audit_trail, retention
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail import job_locks
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import (
    AddressChange,
    KnownDevice,
    OutboxEntry,
    PasswordResetToken,
    SecurityEvent,
    Session,
    User,
)
from tests.conftest import ALICE, PASSWORD, TEST_CLIENT
from tests.support.server import application

Delivered = Callable[[], list[Mail]]
LATER = timedelta(days=400)
TABLES = {
    "password_reset_tokens": PasswordResetToken,
    "sessions": Session,
    "outbox": OutboxEntry,
    "known_devices": KnownDevice,
    "address_changes": AddressChange,
    "security_events": SecurityEvent,
}


def counts() -> dict[str, int]:
    return {table: db.session.scalar(select(func.count()).select_from(model)) or 0 for table, model in TABLES.items()}


@pytest.fixture
def a_life(alice: User, delivered: Delivered) -> None:
    """A row in every table."""
    session = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    known_devices.remember(alice, TEST_CLIENT)
    address_change.request_change(session, PASSWORD, "alice@example.org", TEST_CLIENT)
    password_reset.request_link(ALICE, TEST_CLIENT)
    delivered()


@pytest.mark.usefixtures("a_life")
def test_nothing_young_is_deleted(runner: FlaskCliRunner) -> None:
    before = counts()

    result = runner.invoke(args=["auth", "purge", "--json"])

    assert {row["rows"] for row in json.loads(result.stdout)} == {0}
    assert counts() == {**before, "security_events": before["security_events"] + 1}


@pytest.mark.usefixtures("a_life")
def test_everything_old_is_deleted_and_the_account_stays(runner: FlaskCliRunner) -> None:
    before = counts()
    with time_machine.travel(now() + LATER, tick=False):
        dry = json.loads(runner.invoke(args=["auth", "purge", "--dry-run", "--json"]).stdout)
        assert counts() == before
        result = json.loads(runner.invoke(args=["auth", "purge", "--yes", "--json"]).stdout)

    none = {"users": 0, "authenticator_apps": 0, "factor_recoveries": 0, "spent_challenges": 0}
    assert {row["table"]: row["rows"] for row in result} == {**before, **none}
    assert result == dry
    assert counts() == {**dict.fromkeys(TABLES, 0), "security_events": 2}
    assert db.session.scalar(select(func.count()).select_from(User)) == 1


@pytest.mark.parametrize("sealed_between", [True, False])
def test_the_dry_run_counts_only_events_whose_whole_seal_is_old(
    app: Application, runner: FlaskCliRunner, sealed_between: bool
) -> None:
    table = SecurityEvent.metadata.tables["security_events"]
    for age, number in ((LATER, 3), (LATER, 520), (timedelta(0), 5), (LATER, 4)):
        db.session.execute(insert(table), [{"kind": "x", "outcome": "ok", "face": "test", "at": now() - age}] * number)
        db.session.commit()
        if sealed_between:
            audit_trail.seal_events()

    dry = json.loads(runner.invoke(args=["auth", "purge", "--dry-run", "--json"]).stdout)
    result = json.loads(runner.invoke(args=["auth", "purge", "--yes", "--json"]).stdout)

    assert dry == result
    assert {"table": "security_events", "rows": 523 if sealed_between else 500} in result


def test_a_session_is_old_a_month_after_it_was_ended(runner: FlaskCliRunner, alice: User) -> None:
    with time_machine.travel(now() - timedelta(days=31), tick=False):
        sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
        runner.invoke(args=["auth", "session", "revoke", ALICE, "--yes"])
    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    db.session.execute(update(Session).values(expires_at=now() + timedelta(days=1)))
    db.session.commit()

    result = json.loads(runner.invoke(args=["auth", "purge", "--yes", "--json"]).stdout)

    assert {"table": "sessions", "rows": 1} in result
    assert db.session.scalars(select(Session.revoked_at)).all() == [None]


@pytest.mark.usefixtures("a_life")
def test_a_purge_is_on_record_before_its_first_row_goes(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(_old: object) -> int:
        raise SystemExit

    monkeypatch.setattr(retention, "_delete_batch", killed)
    with pytest.raises(SystemExit), time_machine.travel(now() + LATER, tick=False):
        retention.purge(TEST_CLIENT, timedelta(days=1))
    db.session.remove()

    event = db.session.scalars(select(SecurityEvent).order_by(SecurityEvent.id.desc())).first()
    assert event is not None
    assert (event.kind, event.detail) == ("records.purge_begun", {"older_than_seconds": 86400})


def test_each_table_has_a_policy_of_its_own(a_life: None, runner: FlaskCliRunner) -> None:
    with time_machine.travel(now() + timedelta(days=32), tick=False):
        runner.invoke(args=["auth", "purge", "--yes"])

    kept = counts()
    assert (kept["password_reset_tokens"], kept["sessions"], kept["outbox"]) == (0, 1, 0)
    assert (kept["known_devices"], kept["address_changes"]) == (1, 0)
    assert kept["security_events"] > 1


@pytest.mark.usefixtures("a_life")
def test_a_given_age_takes_the_place_of_the_policy(runner: FlaskCliRunner) -> None:
    with time_machine.travel(now() + timedelta(days=2), tick=False):
        runner.invoke(args=["auth", "purge", "--older-than", "1d", "--yes"])

    kept = counts()
    assert (kept["password_reset_tokens"], kept["sessions"], kept["outbox"]) == (0, 1, 0)
    assert (kept["known_devices"], kept["address_changes"]) == (0, 1), "an owner may still undo the change"
    assert kept["security_events"] == 2, "the purge, begun and done"


def test_mail_that_waits_is_never_deleted(alice: User) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)

    with time_machine.travel(now() + LATER, tick=False):
        assert retention.purge(TEST_CLIENT)["outbox"] == 0


@pytest.mark.usefixtures("app")
def test_many_rows_go_in_batches() -> None:
    table = SecurityEvent.metadata.tables["security_events"]
    long_ago = now() - LATER
    db.session.execute(insert(table), [{"kind": "x", "outcome": "ok", "face": "test", "at": long_ago}] * 1201)
    db.session.commit()
    batches: list[int] = []

    retention.purge(TEST_CLIENT, on_progress=batches.append)

    assert batches == [500, 500, 201]


@pytest.mark.usefixtures("app")
def test_the_trail_loses_its_beginning_and_never_its_middle() -> None:
    table = SecurityEvent.metadata.tables["security_events"]
    for ages in ([LATER, LATER], [timedelta(0), LATER], [LATER]):
        rows = [{"kind": "x", "outcome": "ok", "face": "test", "at": now() - age} for age in ages]
        db.session.execute(insert(table), rows)
        db.session.commit()
        audit_trail.seal_events()

    assert retention.purge(TEST_CLIENT)["security_events"] == 2
    assert audit_trail.verify().problems == []


def test_of_several_workers_one_has_the_duty(app: Application) -> None:
    barrier, won = Barrier(4), []

    def try_it() -> None:
        with app.app_context():
            barrier.wait()
            won.append(job_locks.acquire(job_locks.CLEAN_UP, timedelta(hours=1)))

    threads = [Thread(target=try_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(won) == [False, False, False, True]
    with time_machine.travel(now() + timedelta(minutes=61), tick=False):
        assert job_locks.acquire(job_locks.CLEAN_UP, timedelta(hours=1))


@pytest.mark.usefixtures("app")
def test_a_duty_that_nobody_ever_had_is_never_done() -> None:
    assert job_locks.last_acquired(job_locks.DELIVERY) is None
    job_locks.heartbeat()
    assert job_locks.last_acquired(job_locks.DELIVERY)


def test_a_running_server_cleans_up_and_shows_life_by_itself(
    app: Application, alice: User, database_url: str, tmp_path: Path
) -> None:
    table = SecurityEvent.metadata.tables["security_events"]
    db.session.execute(insert(table), {"kind": "x", "outcome": "ok", "face": "test", "at": now() - LATER})
    db.session.execute(update(SecurityEvent).values(at=now() - LATER))
    db.session.commit()
    db.session.commit()

    def is_clean() -> bool:
        db.session.remove()
        kinds = list(db.session.scalars(select(SecurityEvent.kind)))
        return kinds == ["records.purged"]

    with application({"DATABASE_URL": database_url}, tmp_path) as server:
        server.wait_until(is_clean, seconds=20)

    assert job_locks.last_acquired(job_locks.DELIVERY)
