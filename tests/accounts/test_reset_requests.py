"""The audit events of reset requests: written once for each, with the request's own time, whatever happens between."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, text

from chirp_auth.accounts import password_reset, reset_requests
from chirp_auth.admin import accounts, audit_trail, support_links
from chirp_auth.admin.trace import trace
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail import outbox
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import OutboxEntry, SecurityEvent, User
from tests.conftest import ALICE, MALLORY, TEST_CLIENT
from tests.support.together import in_threads

Delivered = Callable[[], list[Mail]]


def requested() -> list[SecurityEvent]:
    query = select(SecurityEvent).where(SecurityEvent.kind == reset_requests.KIND)
    return list(db.session.scalars(query.order_by(SecurityEvent.id)))


def test_the_worker_records_a_request_with_its_time_and_client(app: Application, delivered: Delivered) -> None:
    password_reset.request_link(MALLORY, TEST_CLIENT)
    asked_at = db.session.scalars(select(OutboxEntry.created_at)).one()
    assert requested() == []

    with time_machine.travel(now() + timedelta(minutes=2)):
        delivered()

    (event,) = requested()
    assert (event.at, event.outcome, event.user_id, event.actor) == (asked_at, "ok", None, None)
    client = TEST_CLIENT
    assert (event.face, event.ip, event.user_agent, event.reference) == (
        client.face,
        client.ip,
        client.user_agent,
        client.reference,
    )
    assert MALLORY not in str(vars(event))


def test_an_entry_that_was_given_back_is_recorded_once(app: Application, delivered: Delivered) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)
    entries = outbox.claim(10)
    reset_requests.record(entries)
    outbox.release(entries)
    db.session.commit()

    delivered()

    assert len(requested()) == 1


def test_a_worker_killed_before_its_claim_was_committed_leaves_the_event_to_the_next(
    app: Application, delivered: Delivered
) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)
    reset_requests.record(outbox.claim(10))
    db.session.rollback()

    assert requested() == []
    delivered()
    assert len(requested()) == 1


def test_several_at_once_record_each_request_once(app: Application) -> None:
    for number in range(20):
        password_reset.request_link(f"{number}@example.com", TEST_CLIENT)

    def claim() -> None:
        reset_requests.record(outbox.claim(7))
        db.session.commit()

    def seal() -> None:
        audit_trail.seal_events()

    assert set(in_threads(app, [claim, seal, claim, seal, claim])) == {"ok"}

    audit_trail.seal_events()
    assert len(requested()) == 20
    assert len({event.email_digest for event in requested()}) == 20


def test_requests_that_waited_for_a_worker_are_no_suspicion(app: Application, alice: User) -> None:
    audit_trail.seal_events()
    password_reset.request_link(ALICE, TEST_CLIENT)

    with time_machine.travel(now() + timedelta(hours=1)):
        audit_trail.seal_some_events()  # The worker is back, and this may be its first job.
        report = audit_trail.verify()

    assert len(requested()) == 1
    assert (report.problems, report.suspicions) == ([], [])


def test_a_cancelled_request_is_recorded_all_the_same(app: Application, alice: User) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)
    support_links.revoke_links(alice, TEST_CLIENT)

    audit_trail.seal_events()

    assert len(requested()) == 1


def test_a_deletion_keeps_the_event_and_erases_its_client(app: Application, alice: User) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)

    accounts.delete(alice, TEST_CLIENT)

    (event,) = requested()
    assert (event.ip, event.user_agent) == (None, None)
    audit_trail.seal_events()
    assert audit_trail.verify().problems == []


def test_a_request_that_no_worker_has_seen_can_be_traced(app: Application) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)
    before = [(step.step, step.detail.split()[0]) for step in trace("test")]

    audit_trail.seal_events()

    assert before == [("accepted", reset_requests.KIND), ("queued", "reset_link"), ("waiting", "next")]
    assert [(step.step, step.detail.split()[0]) for step in trace("test")] == before


def test_an_entry_of_the_release_before_has_its_event_already(app: Application, delivered: Delivered) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)
    columns = "id, kind, recipient, params, message_id, created_at, due_at, attempts"
    db.session.execute(text(f"CREATE TEMPORARY TABLE older AS SELECT {columns} FROM outbox"))
    db.session.execute(text("DELETE FROM outbox"))
    db.session.execute(text(f"INSERT INTO outbox ({columns}) SELECT {columns} FROM older"))
    db.session.execute(text("DROP TABLE older"))
    db.session.commit()

    delivered()

    assert requested() == []


def test_the_log_line_comes_with_the_request(app: Application, capfd: pytest.CaptureFixture[str]) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)
    assert sum("password_reset.requested" in line for line in "".join(capfd.readouterr()).splitlines()) == 1

    audit_trail.seal_events()
    assert "password_reset.requested" not in "".join(capfd.readouterr())
