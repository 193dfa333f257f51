"""Signing in: who gets a session, and that all others hear, and cost, the same."""

from datetime import timedelta

import bcrypt
import pytest
from sqlalchemy import update

from chirp_auth.accounts import sessions, sign_in
from chirp_auth.clock import now
from chirp_auth.errors import InvalidCredentials, InvalidEmail, ServiceBusy
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.models import User
from chirp_auth.security.hash_queue import HashQueue
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT, events


def refusal_of(email: str, password: str) -> str:
    db.session.remove()
    with pytest.raises(InvalidCredentials) as refused:
        sign_in.sign_in(email, password, TEST_CLIENT)
    return refused.value.sentence


def test_the_right_password_opens_a_session(alice: User) -> None:
    session = sign_in.sign_in(f" {ALICE.upper()} ", PASSWORD, TEST_CLIENT)

    assert sessions.find(session.id) is session
    assert (session.user_id, session.face, session.ip) == (alice.id, "test", TEST_CLIENT.ip)
    db.session.refresh(alice)
    assert alice.last_sign_in_at is not None


def test_every_refusal_reads_the_same(alice: User) -> None:
    unknown, wrong = refusal_of(MALLORY, PASSWORD), refusal_of(ALICE, NEW_PASSWORD)
    db.session.execute(update(User).values(disabled_at=now()))
    db.session.commit()

    assert {unknown, wrong, refusal_of(ALICE, PASSWORD)} == {"The email address or the password is not right."}
    assert events("session.signed_in") == ["no_account", "wrong_password", "disabled"]


@pytest.mark.parametrize("password", ["", "\0", "\ud800" * 9, "x" * 73, "é" * 40, "y" * 1_000_000, f"{PASSWORD}\0"])
def test_a_password_that_cannot_be_one_is_just_wrong(alice: User, password: str) -> None:
    refusal_of(ALICE, password)
    refusal_of(MALLORY, password)


def test_what_is_no_address_is_refused(app: Application) -> None:
    with pytest.raises(InvalidEmail):
        sign_in.sign_in("alice", PASSWORD, TEST_CLIENT)


def test_an_account_without_a_password_cannot_sign_in(alice: User) -> None:
    db.session.execute(update(User).values(password_hash=None))
    db.session.commit()

    refusal_of(ALICE, PASSWORD)
    refusal_of(ALICE, "")


def test_a_password_typed_on_another_keyboard_is_the_same(alice: User) -> None:
    composed, decomposed = "caf\u00e9 on the corner", "cafe\u0301 on the corner"
    db.session.execute(update(User).values(password_hash=bcrypt.hashpw(composed.encode(), bcrypt.gensalt(4)).decode()))
    db.session.commit()
    db.session.remove()

    sign_in.sign_in(ALICE, decomposed, TEST_CLIENT)


@pytest.mark.settings(bcrypt_cost=5)
def test_a_hash_is_renewed_when_the_cost_has_risen(alice: User) -> None:
    old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    db.session.execute(update(User).values(password_hash=old))
    db.session.commit()
    db.session.remove()

    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    db.session.remove()

    renewed = db.session.get_one(User, alice.id)
    assert (renewed.password_hash or "").startswith("$2b$05$")
    assert renewed.credential_version == alice.credential_version, "the password is the same: nothing ends"
    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)


@pytest.mark.settings(conceal_accounts=True)
def test_where_accounts_are_concealed_an_unconfirmed_address_is_told_to_nobody(alice: User) -> None:
    db.session.execute(update(User).values(email_verified_at=None))
    db.session.commit()

    assert refusal_of(ALICE, NEW_PASSWORD) == refusal_of(ALICE, PASSWORD)


def test_a_full_queue_refuses_known_and_unknown_alike_and_counts_nothing(app: Application, alice: User) -> None:
    app.extensions["hash_queue"] = queue = HashQueue(slots=1, max_wait=timedelta())

    with queue.slot("others"):
        for email in (ALICE, MALLORY):
            with pytest.raises(ServiceBusy):
                sign_in.sign_in(email, NEW_PASSWORD, TEST_CLIENT)

    db.session.remove()
    assert db.session.get_one(User, alice.id).failed_sign_ins == 0
