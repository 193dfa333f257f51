"""The second step of a sign-in: who is asked for it, what finishes it, and what a ticket is worth."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from chirp_auth.accounts import known_devices, password_change, policy, sign_in
from chirp_auth.accounts.factors import second_step
from chirp_auth.admin import accounts
from chirp_auth.errors import (
    InvalidCredentials,
    InvalidToken,
    SecondFactorRequired,
    TokenExpired,
    WrongSecondFactor,
)
from chirp_auth.extensions import db
from chirp_auth.models import KnownDevice, OutboxEntry, SecurityEvent, Session, User
from chirp_auth.security.client import Client
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT, events
from tests.support.factors import RECOVERY_CODES, code_for, with_authenticator, wrong_code

PHONE = Client(face="api", ip="198.51.100.9", user_agent="okhttp/4.12")


@pytest.fixture
def secret(alice: User) -> str:
    return with_authenticator(alice)


def ticket(client: Client = TEST_CLIENT) -> str:
    db.session.remove()
    with pytest.raises(SecondFactorRequired) as asked:
        sign_in.sign_in(ALICE, PASSWORD, client)
    assert asked.value.ticket
    return asked.value.ticket


def browser(cookie: str) -> Client:
    return Client(face="browser", device=cookie)


def test_the_password_alone_opens_nothing(alice: User, secret: str) -> None:
    ticket()

    assert db.session.scalars(select(Session)).all() == []
    assert events("session.signed_in") == ["needs_second_factor"]
    assert db.session.get_one(User, alice.id, populate_existing=True).last_sign_in_at is None


@pytest.mark.parametrize("by", ["authenticator_app", "recovery_code"])
def test_a_code_finishes_the_sign_in(alice: User, secret: str, by: str) -> None:
    typed = code_for(secret) if by == "authenticator_app" else RECOVERY_CODES[0].lower()

    session = sign_in.finish(ticket(), typed, TEST_CLIENT)

    assert session.user_id == alice.id
    assert policy.is_fresh(session)
    done = db.session.scalars(select(SecurityEvent).where(SecurityEvent.outcome == "ok")).all()
    assert [event.detail for event in done if event.kind == "session.signed_in"] == [{"factor": by}]


def test_failures_end_with_the_whole_sign_in_only(alice: User, secret: str) -> None:
    db.session.execute(update(User).values(failed_sign_ins=3))
    db.session.commit()

    kept = ticket()
    assert db.session.get_one(User, alice.id, populate_existing=True).failed_sign_ins == 3

    sign_in.finish(kept, code_for(secret), TEST_CLIENT)
    assert db.session.get_one(User, alice.id, populate_existing=True).failed_sign_ins == 0


def test_wrong_codes_bring_the_delays_of_wrong_passwords_and_the_owner_is_told(alice: User, secret: str) -> None:
    kept = ticket()
    for _ in range(5):
        with pytest.raises(WrongSecondFactor):
            sign_in.finish(kept, wrong_code(secret), TEST_CLIENT)

    with pytest.raises(WrongSecondFactor):  # A delay is on: even the right one has to wait.
        sign_in.finish(kept, code_for(secret), TEST_CLIENT)
    with pytest.raises(WrongSecondFactor):  # A new ticket changes nothing.
        sign_in.finish(ticket(), code_for(secret), TEST_CLIENT)

    outcomes = ["needs_second_factor", *["wrong_second_factor"] * 5, "delayed", "needs_second_factor", "delayed"]
    assert events("session.signed_in") == outcomes
    notices = [
        entry.params["what"] for entry in db.session.scalars(select(OutboxEntry).filter_by(kind="factor_notice"))
    ]
    assert notices == ["codes_guessed"]
    assert db.session.get_one(User, alice.id, populate_existing=True).failed_sign_ins == 0


def test_an_operator_ends_the_delay_of_wrong_codes(alice: User, secret: str) -> None:
    kept = ticket()
    for _ in range(5):
        with pytest.raises(WrongSecondFactor):
            sign_in.finish(kept, wrong_code(secret), TEST_CLIENT)

    accounts.unlock(alice, None, TEST_CLIENT)

    assert sign_in.finish(kept, code_for(secret), TEST_CLIENT).user_id == alice.id


def test_the_notice_of_a_new_device_comes_when_the_sign_in_is_complete(alice: User, secret: str) -> None:
    sign_in.finish(ticket(), code_for(secret), TEST_CLIENT)

    kept = ticket(PHONE)
    kinds = select(OutboxEntry.kind).where(OutboxEntry.kind == "new_sign_in")
    assert db.session.scalars(kinds).all() == []

    sign_in.finish(kept, RECOVERY_CODES[0], PHONE)
    assert db.session.scalars(kinds).all() == ["new_sign_in"]


def test_a_ticket_lives_ten_minutes(alice: User, secret: str) -> None:
    with time_machine.travel("2026-11-21T12:00:00Z", tick=False) as clock:
        kept = ticket()
        clock.shift(second_step.TICKET_LIFE + timedelta(seconds=1))
        with pytest.raises(TokenExpired):
            sign_in.finish(kept, code_for(secret), TEST_CLIENT)


@pytest.mark.parametrize("spoilt", ["", "x", "tampered", "changed", "locked"])
def test_a_ticket_of_no_use_leads_nowhere(alice: User, secret: str, spoilt: str) -> None:
    kept = ticket()
    if spoilt == "changed":
        db.session.execute(update(User).values(credential_version=User.credential_version + 1))
    elif spoilt == "locked":
        db.session.execute(update(User).values(disabled_at=alice.created_at))
    else:
        kept = kept[:-2] + ("AA" if kept[-2:] != "AA" else "BB") if spoilt == "tampered" else spoilt
    db.session.commit()

    with pytest.raises(InvalidToken):
        sign_in.finish(kept, code_for(secret), TEST_CLIENT)
    assert db.session.scalars(select(Session)).all() == []


def test_a_refused_ticket_spends_no_code(alice: User, secret: str) -> None:
    with pytest.raises(InvalidToken):
        sign_in.finish("forged", RECOVERY_CODES[0], TEST_CLIENT)

    sign_in.finish(ticket(), RECOVERY_CODES[0], TEST_CLIENT)


def test_a_trusted_browser_is_asked_for_the_password_alone(alice: User, secret: str) -> None:
    with time_machine.travel("2026-11-21T12:00:00Z", tick=False) as clock:
        trusted = browser(known_devices.remember(alice, TEST_CLIENT, trust=True))

        assert sign_in.sign_in(ALICE, PASSWORD, trusted).proved_at is None

        clock.shift(known_devices.TRUST_LIFE + timedelta(seconds=1))
        with pytest.raises(SecondFactorRequired):
            sign_in.sign_in(ALICE, PASSWORD, trusted)


def test_a_browser_that_is_known_is_not_trusted_for_that(alice: User, secret: str) -> None:
    known = browser(known_devices.remember(alice, TEST_CLIENT))

    with pytest.raises(SecondFactorRequired):
        sign_in.sign_in(ALICE, PASSWORD, known)


def test_trust_ends_with_every_change_of_the_account(alice: User, secret: str) -> None:
    trusted = browser(known_devices.remember(alice, TEST_CLIENT, trust=True))
    db.session.execute(update(User).values(credential_version=User.credential_version + 1))
    db.session.commit()
    db.session.remove()

    with pytest.raises(SecondFactorRequired):
        sign_in.sign_in(ALICE, PASSWORD, trusted)


def test_without_a_second_step_the_right_password_is_refused_and_counted(alice: User, secret: str) -> None:
    for password in (PASSWORD, "nine wrong guesses"):
        with pytest.raises(InvalidCredentials) as refused:
            sign_in.sign_in(ALICE, password, TEST_CLIENT, has_second_step=False)
        assert refused.value.code == "INVALID_CREDENTIALS"

    assert db.session.get_one(User, alice.id, populate_existing=True).failed_sign_ins == 2
    assert events("session.signed_in") == ["needs_second_factor", "wrong_password"]


def test_a_change_by_address_and_password_is_refused_as_if_that_were_wrong(alice: User, secret: str) -> None:
    before = alice.password_hash
    for password, wanted in ((PASSWORD, NEW_PASSWORD), ("wrong", NEW_PASSWORD), (PASSWORD, PASSWORD)):
        with pytest.raises(InvalidCredentials) as refused:
            password_change.change_password_by_email(ALICE, password, wanted, TEST_CLIENT)
        assert refused.value.code == "INVALID_CREDENTIALS"

    user = db.session.get_one(User, alice.id, populate_existing=True)
    assert (user.password_hash, user.failed_sign_ins) == (before, 3)


def test_a_device_of_somebody_else_is_not_trusted(alice: User, secret: str) -> None:
    cookie = known_devices.remember(alice, TEST_CLIENT, trust=True)
    other = User(email="bob@example.com", email_key="bob@example.com", password_hash=alice.password_hash)
    db.session.add(other)
    db.session.flush()
    db.session.execute(update(KnownDevice).values(user_id=other.id))
    db.session.commit()
    db.session.remove()

    with pytest.raises(SecondFactorRequired):
        sign_in.sign_in(ALICE, PASSWORD, browser(cookie))
