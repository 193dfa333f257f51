"""The audit trail: everything is on it, and nobody changes it without being found out."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from flask.testing import FlaskCliRunner
from pydantic import SecretStr
from sqlalchemy import delete, insert, select, text, update

from chirp_auth import audit
from chirp_auth.admin import audit_trail, retention
from chirp_auth.audit import seals
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import AuditSeal, SecurityEvent, User
from config import Settings
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT, token_in
from tests.support.visitor import FORGOT_DOORS, forgot, login, post_form, sign_in
from tests.support.worker import start_thread

Delivered = Callable[[], list[Mail]]


def record(count: int) -> None:
    for n in range(count):
        audit.record("mail.tested", TEST_CLIENT, number=n)
    db.session.commit()


def sealed(count: int, *, batches: int = 1) -> None:
    for _ in range(batches):
        record(count)
        audit_trail.seal_events()


def problems() -> list[str]:
    db.session.remove()
    return audit_trail.verify().problems


def an_event() -> SecurityEvent:
    return db.session.scalars(select(SecurityEvent).order_by(SecurityEvent.id).offset(2).limit(1)).one()


def test_an_untouched_trail_verifies(app: Application) -> None:
    sealed(5, batches=3)
    record(2)

    report = audit_trail.verify()

    assert (report.problems, report.seals, report.events, report.unsealed) == ([], 3, 15, 2)


def test_a_changed_event_is_found(app: Application) -> None:
    sealed(5)
    event_id = an_event().id
    db.session.execute(update(SecurityEvent).where(SecurityEvent.id == event_id).values(outcome="ok, really"))
    db.session.commit()

    assert problems() == [f"Event {event_id} was changed since seal 1."]


@pytest.mark.parametrize("column", ["at", "kind", "ip", "user_agent", "face", "reference", "actor", "detail"])
def test_no_column_can_be_changed_unnoticed(app: Application, column: str) -> None:
    sealed(3)
    other = {"at": "2020-01-01 00:00:00+00:00", "detail": '{"number": 99}'}.get(column, "x")
    db.session.execute(text(f"UPDATE security_events SET {column} = :other WHERE id = 2"), {"other": other})
    db.session.commit()

    assert problems() == ["Event 2 was changed since seal 1."]


def test_a_removed_event_is_found(app: Application) -> None:
    sealed(5)
    event_id = an_event().id
    db.session.execute(delete(SecurityEvent).where(SecurityEvent.id == event_id))
    db.session.commit()

    assert [problem.partition(" (")[0] for problem in problems()] == [f"Event {event_id} was removed"]


def test_an_event_slipped_into_a_seal_is_found(app: Application) -> None:
    sealed(3)
    slipped = insert(SecurityEvent).values(kind="session.signed_in", face="api", outcome="ok", seal=1)
    db.session.execute(slipped)
    db.session.commit()

    assert problems() == ["Event 4 was slipped into seal 1."]


def test_a_removed_seal_is_found(app: Application) -> None:
    sealed(2, batches=3)
    db.session.execute(delete(AuditSeal).where(AuditSeal.number == 2))
    db.session.commit()

    assert "Seal 2 is missing before seal 3." in problems()


def test_a_seal_made_anew_without_the_key_is_found(app: Application) -> None:
    sealed(3)
    db.session.execute(delete(SecurityEvent).where(SecurityEvent.id == 2))
    seal = db.session.get_one(AuditSeal, 1)
    members = {event_id: digest for event_id, digest in seal.members.items() if event_id != "2"}
    seal.members, seal.total, seal.mac = members, len(members), "0" * 64
    seal.digest = seals.digest_of_seal(seal)
    db.session.commit()

    assert problems() == ["Seal 1 bears no code of a configured key, nor does one after it: forged, or of a lost key."]


def test_a_key_of_long_ago_is_not_needed_to_verify(app: Application, settings: Settings) -> None:
    sealed(2, batches=2)
    settings.audit_key, former = SecretStr("another-audit-key-0123456789-abcdefgh"), settings.audit_key

    assert len(problems()) == 2  # Nothing was sealed with the new key yet.
    settings.audit_key_fallbacks = [former]
    sealed(2)
    settings.audit_key_fallbacks = []
    assert problems() == []


def test_who_has_only_a_key_of_long_ago_cannot_change_the_trail(app: Application, settings: Settings) -> None:
    sealed(2)
    former = settings.audit_key
    settings.audit_key_fallbacks, settings.audit_key = [former], SecretStr("another-audit-key-0123456789-abcdefgh")
    sealed(2)

    settings.audit_key_fallbacks, settings.audit_key = [], former
    db.session.execute(update(SecurityEvent).values(outcome="forged", seal=None))
    db.session.execute(delete(AuditSeal))
    db.session.commit()
    audit_trail.seal_events()
    settings.audit_key = SecretStr("another-audit-key-0123456789-abcdefgh")

    assert "Seal 1 bears no code" in problems()[0]


def test_an_event_that_commits_late_comes_into_a_later_seal(app: Application) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time: its rows become visible in order")
    with db.engine.connect() as slow:
        slow.execute(insert(SecurityEvent).values(kind="late.commit", face="api", outcome="ok"))
        record(2)
        audit_trail.seal_events()
        slow.commit()
    audit_trail.seal_events()

    report = audit_trail.verify()
    assert (report.problems, report.events, report.unsealed) == ([], 3, 0)


def test_the_worker_seals_by_itself(app: Application) -> None:
    record(3)
    stop = start_thread(app)
    try:
        for _ in range(100):
            if audit_trail.verify().events == 3:
                break
            time.sleep(0.1)
    finally:
        stop()

    assert audit_trail.verify().events == 3


def test_workers_sealing_at_once_make_one_chain(app: Application) -> None:
    record(1200)

    def seal(_: int) -> None:
        with app.app_context():
            audit_trail.seal_events()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(seal, range(4)))
    audit_trail.seal_events()

    report = audit_trail.verify()
    assert (report.problems, report.events, report.unsealed) == ([], 1200, 0)


def test_old_events_can_be_dropped_and_the_rest_still_verifies(app: Application) -> None:
    with time_machine.travel("2025-01-01T00:00:00Z"):
        sealed(3, batches=2)
    sealed(3)

    assert retention.purge(TEST_CLIENT)["security_events"] == 6

    assert problems() == []
    assert audit_trail.verify().first == 3


def test_an_operator_is_told_with_exit_code_1(app: Application, runner: FlaskCliRunner) -> None:
    sealed(3)
    good = runner.invoke(args=["auth", "audit", "verify"])
    db.session.execute(delete(SecurityEvent).where(SecurityEvent.id == 2))
    db.session.commit()
    bad = runner.invoke(args=["auth", "audit", "verify", "--json"])

    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert "3 events under 1 seal, 0 not sealed yet." in good.output
    assert len(json.loads(bad.stdout)["problems"]) == 1


@pytest.mark.settings(rate_limits_enabled=False)
def test_the_whole_journey_is_on_record_with_its_references(
    app: Application, alice: User, delivered: Delivered
) -> None:
    browser = app.test_client()
    login(browser, password="wrong")
    login(browser, MALLORY)
    sign_in(browser)
    asked = forgot(browser)
    browser.get(f"/reset-password?token={token_in(delivered()[0])}")
    reset = post_form(browser, "/reset-password", password=NEW_PASSWORD, confirm_password=NEW_PASSWORD)
    browser.post(
        "/api/auth/reset-password",
        json={
            "token": "no link",
            "new_password": NEW_PASSWORD,
            "confirm_password": NEW_PASSWORD,
        },
    )

    rows = list(db.session.scalars(select(SecurityEvent).order_by(SecurityEvent.id)))
    assert [(row.kind, row.outcome, row.face) for row in rows] == [
        ("user.created", "ok", "test"),
        ("session.signed_in", "wrong_password", "api"),
        ("session.signed_in", "no_account", "api"),
        ("session.signed_in", "ok", "browser"),
        ("password_reset.requested", "ok", "api"),
        ("password_reset.opened", "ok", "browser"),
        ("password_reset.done", "ok", "browser"),
        ("password_reset.refused", "invalid_token", "api"),
    ]
    assert rows[4].reference == asked.headers["X-Request-Id"]
    assert rows[6].reference == reset.headers["X-Request-Id"]
    assert {row.ip for row in rows[1:]} == {"127.0.0.1"}
    assert all(row.at.tzinfo is not None for row in rows)
    assert not any(ALICE in str(vars(row)) for row in rows), "addresses are kept as keyed digests"


def test_a_request_is_one_log_line_with_its_events_and_the_reference_of_its_answer(
    app: Application, alice: User, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = FORGOT_DOORS["v1"](app.test_client(), ALICE)

    lines = "".join(capfd.readouterr()).splitlines()
    told = [line for line in lines if answer.headers["X-Request-Id"] in line]
    assert len(told) == 1
    assert "/forgot-password" in told[0]
    assert "password_reset.requested" in told[0]
    assert PASSWORD not in "".join(lines)
