"""What is left of somebody who was deleted, and attempts to hide changes of the trail behind a deletion."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage

import pytest
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import insert, select, text, update

from chirp_auth.accounts import address_change, password_reset, registration, sign_in
from chirp_auth.accounts.registration import Applicant
from chirp_auth.admin import accounts, audit_trail
from chirp_auth.admin import outbox as admin_outbox
from chirp_auth.errors import AuthError, UserNotFound
from chirp_auth.extensions import Model, db
from chirp_auth.http.routing import Application
from chirp_auth.mail import mailbox, outbox
from chirp_auth.mail.mailbox import DevMailbox, Mail
from chirp_auth.mail.smtp import Refused
from chirp_auth.models import OutboxEntry, SecurityEvent, User
from chirp_auth.security.client import Client
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT, token_in
from tests.support.visitor import FORGOT_DOORS, login
from tests.support.visitor import sign_in as sign_in_form

Delivered = Callable[[], list[Mail]]
OPERATOR = Client("cli", actor="test")
ALICES = Client("browser", ip="198.51.100.77", user_agent="Mozilla/5.0 Firefox/141.0 of Alice", reference="alice")
FORMER = "alice.before@example.net"
DELETE = ["auth", "user", "delete", ALICE, "--yes"]
HERS = ("alice@", "alice.before", "Archer", "198.51.100.77", "of Alice")


def everything_at_rest() -> str:
    """All rows of all tables, and all files of the development mailbox."""
    rows = [
        f"{table.name}: {dict(row)}"
        for table in Model.metadata.sorted_tables
        for row in db.session.execute(select(table)).mappings()
    ]
    return "\n".join([*rows, *(f"{mail.to} {mail.headers} {mail.text}" for mail in mailbox.messages())])


@pytest.fixture
def busy_alice(client: FlaskClient, delivered: Delivered) -> User:
    """Alice after a full life: each table has something of hers, under her address and under the one before."""
    alice = registration.create(Applicant(FORMER, PASSWORD, "Alice", "Archer", "+919876543210"), ALICES)
    session = sign_in.sign_in(FORMER, PASSWORD, ALICES)
    address_change.request_change(session, PASSWORD, ALICE, ALICES)
    (mail,) = [mail for mail in delivered() if mail.to == ALICE]
    address_change.confirm_change(token_in(mail), ALICES)
    sign_in_form(client)
    login(client)
    client.get("/", headers={"User-Agent": ALICES.user_agent or ""})
    with pytest.raises(AuthError):
        sign_in.sign_in(ALICE, NEW_PASSWORD, ALICES)
    for _ in range(2):
        password_reset.request_link("Alice@Example.com", ALICES)
        delivered()
    password_reset.request_link(ALICE, ALICES)  # This one waits.
    mallory = registration.create(Applicant(MALLORY, PASSWORD), TEST_CLIENT)
    hers = sign_in.sign_in(MALLORY, PASSWORD, TEST_CLIENT)
    address_change.request_change(hers, PASSWORD, ALICE, TEST_CLIENT)
    assert mallory.id != alice.id
    audit_trail.seal_events()
    db.session.remove()
    alice = db.session.query(User).filter_by(email_key=ALICE).one()
    for piece in HERS:
        assert piece in everything_at_rest()
    return alice


def test_nothing_tells_who_was_deleted(runner: FlaskCliRunner, busy_alice: User, delivered: Delivered) -> None:
    user_id = busy_alice.id

    deleted = runner.invoke(args=DELETE)

    assert deleted.exit_code == 0, deleted.output
    waiting = db.session.query(OutboxEntry).filter_by(recipient=ALICE).one()
    assert (waiting.kind, waiting.params, waiting.user_id) == ("account_deleted", {"language": "en"}, None)
    newest = delivered()[0]
    assert (newest.to, newest.subject) == (ALICE, "Your Chirpworks account was deleted")
    mailbox.clear()
    left = everything_at_rest()
    assert [piece for piece in HERS if piece in left] == []
    assert str(user_id) in left
    assert MALLORY in left


def test_events_stay_with_their_digest_and_the_seals_still_fit(runner: FlaskCliRunner, busy_alice: User) -> None:
    def trail() -> list[tuple[object, ...]]:
        events = db.session.query(SecurityEvent).order_by(SecurityEvent.id)
        return [(e.id, e.at, e.kind, e.user_id, e.email_digest, e.outcome, e.reference) for e in events]

    before = trail()

    runner.invoke(args=DELETE)

    assert trail()[: len(before)] == before
    for _ in range(2):
        verified = runner.invoke(args=["auth", "audit", "verify", "--json"])
        assert json.loads(verified.stdout)["problems"] == []
        audit_trail.seal_events()
    assert json.loads(verified.stdout)["events"] >= len(before)


def test_whoever_has_a_former_address_now_loses_nothing(
    app: Application, busy_alice: User, delivered: Delivered
) -> None:
    db.session.execute(text("UPDATE address_changes SET confirmed_at = '2020-01-01 00:00:00+00:00'"))
    db.session.commit()
    heir = registration.create(Applicant(FORMER, PASSWORD, "Heir"), TEST_CLIENT)
    password_reset.request_link(FORMER, TEST_CLIENT)

    accounts.delete(busy_alice, OPERATOR)

    assert "/reset-password?token=" in next(mail for mail in delivered() if mail.to == FORMER).text
    assert db.session.get(User, heir.id)


def test_a_mail_that_was_under_way_is_not_sent(app: Application, alice: User, delivered: Delivered) -> None:
    password_reset.request_link(ALICE, ALICES)
    entries = outbox.claim(10)
    db.session.commit()
    accounts.delete(alice, OPERATOR)
    outbox.release(entries)
    db.session.commit()

    assert [mail.subject for mail in delivered()] == ["Your Chirpworks account was deleted"]


@pytest.mark.usefixtures("alice")
def test_a_notice_that_is_given_up_forgets_its_recipient_too(
    app: Application, runner: FlaskCliRunner, delivered: Delivered, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: DevMailbox, message: EmailMessage) -> None:
        raise Refused("550 no such mailbox")

    monkeypatch.setattr(DevMailbox, "send", refuse)
    runner.invoke(args=DELETE)
    delivered()
    assert db.session.query(OutboxEntry).one().recipient == ALICE

    admin_outbox.cancel(None, OPERATOR)

    db.session.expire_all()
    assert db.session.query(OutboxEntry).one().recipient == ""


def test_of_two_deletions_at_once_one_tells_the_owner(app: Application, alice: User, delivered: Delivered) -> None:
    user_id = alice.id
    db.session.commit()

    def delete_her(_: int) -> bool:
        with app.app_context():
            found = db.session.get(User, user_id)
            try:
                if found is None:
                    return False
                accounts.delete(found, OPERATOR)
            except UserNotFound:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(delete_her, range(4))) == [False, False, False, True]
    assert len(delivered()) == 1


def problems() -> list[str]:
    return audit_trail.verify().problems


@pytest.fixture
def guessing(app: Application, alice: User) -> SecurityEvent:
    """A sealed event of an account that is still there."""
    login(app.test_client(), password="wrong")
    audit_trail.seal_events()
    event = db.session.query(SecurityEvent).filter_by(outcome="wrong_password").one()
    db.session.commit()
    return event


def erase_by_hand(event_id: int) -> None:
    erased = {"ip": None, "user_agent": None, "client_salt": None}
    db.session.execute(update(SecurityEvent).where(SecurityEvent.id == event_id).values(**erased))
    db.session.commit()
    db.session.remove()


def test_an_erasure_without_a_deletion_is_found(guessing: SecurityEvent) -> None:
    erase_by_hand(guessing.id)

    assert problems() == [
        f"Event {guessing.id} lost its address and device, and no deletion of an account explains it."
    ]


def test_a_deletion_slipped_in_for_an_account_that_is_there_explains_nothing(guessing: SecurityEvent) -> None:
    forged = {"kind": "user.deleted", "face": "cli", "outcome": "ok", "user_id": guessing.user_id}
    db.session.execute(insert(SecurityEvent).values(**forged))
    erase_by_hand(guessing.id)

    assert len(problems()) == 1


def test_a_deletion_explains_nothing_that_came_after_it(app: Application, alice: User) -> None:
    accounts.delete(alice, OPERATOR)
    FORGOT_DOORS["v1"](app.test_client(), ALICE)
    audit_trail.seal_events()
    later = db.session.query(SecurityEvent).filter_by(kind="password_reset.requested").one()
    erase_by_hand(later.id)

    assert len(problems()) == 1


@pytest.mark.parametrize(
    "change",
    [
        "ip = '203.0.113.1'",
        "user_agent = 'x'",
        "outcome = 'ok'",
        "client_digest = NULL",
        "client_digest = 'x'",
        "client_salt = 'x'",
        "user_id = NULL",
        "email_digest = 'x'",
    ],
)
def test_after_a_deletion_nothing_else_can_be_changed(guessing: SecurityEvent, alice: User, change: str) -> None:
    event_id = guessing.id
    accounts.delete(alice, OPERATOR)
    assert problems() == []

    db.session.execute(text(f"UPDATE security_events SET {change} WHERE id = :id"), {"id": event_id})
    db.session.commit()

    assert f"Event {event_id} was changed since seal 1." in problems()


def test_what_was_erased_cannot_be_guessed_from_what_is_left(guessing: SecurityEvent, alice: User) -> None:
    salt = guessing.client_salt
    assert salt
    assert len(salt) == 32

    accounts.delete(alice, OPERATOR)

    assert salt not in everything_at_rest()
