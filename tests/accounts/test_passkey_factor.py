"""A passkey in place of a code: as the second step, and as a fresh proof."""

from datetime import timedelta

import pytest
import time_machine

from chirp_auth.accounts import policy, registration, revocation, sessions, sign_in
from chirp_auth.accounts.factors import passkey_factor, passkeys, second_step
from chirp_auth.accounts.factors.passkey_proofs import Answer
from chirp_auth.accounts.registration import Applicant
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken, SecondFactorRequired, TokenExpired, Unauthenticated, WrongPasskey
from chirp_auth.extensions import db
from chirp_auth.models import User
from tests.conftest import ALICE, MALLORY, PASSWORD, TEST_CLIENT, events
from tests.support.authenticator import Authenticator, encoded
from tests.support.factors import with_authenticator
from tests.support.passkeys import add, session_of


@pytest.fixture
def key(alice: User) -> Authenticator:
    """The passkey of an account that asks for a second factor."""
    key = Authenticator()
    add(session_of(alice), key)
    with_authenticator(alice)
    return key


@pytest.fixture
def mallory(alice: User) -> User:
    return registration.create(Applicant(MALLORY, PASSWORD), TEST_CLIENT)


def ticket() -> str:
    with pytest.raises(SecondFactorRequired) as step:
        sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    return str(step.value.ticket)


def test_a_passkey_is_a_second_step(alice: User, key: Authenticator) -> None:
    step = ticket()
    began = passkey_factor.begin_second_step(step)
    assert [each["id"] for each in began.options["allowCredentials"]] == [encoded(key.credential_id)]
    key.user_handle = None  # An authenticator need not name whom we asked for.

    session = passkey_factor.finish(step, Answer(began.state, key.answer(began.options)), TEST_CLIENT)

    assert session.user_id == alice.id
    assert policy.is_fresh(session)
    assert events("session.signed_in") == ["needs_second_factor", "ok"]


def test_an_answer_is_good_with_its_own_ticket_and_purpose_alone(alice: User, key: Authenticator) -> None:
    step, session = ticket(), session_of(alice)
    for began in (passkey_factor.begin_fresh_proof(session), passkeys.begin(session)):
        with pytest.raises(WrongPasskey):
            passkey_factor.finish(step, Answer(began.state, key.answer(began.options)), TEST_CLIENT)
    began = passkey_factor.begin_second_step(step)
    answer = Answer(began.state, key.answer(began.options))
    with pytest.raises(WrongPasskey):
        passkey_factor.prove(session, answer, TEST_CLIENT)
    passkey_factor.finish(step, answer, TEST_CLIENT)
    with pytest.raises(WrongPasskey):
        passkey_factor.finish(step, answer, TEST_CLIENT)


def test_a_passkey_of_another_account_is_no_second_step(alice: User, key: Authenticator, mallory: User) -> None:
    his = Authenticator()
    add(session_of(mallory), his)
    step = ticket()
    began = passkey_factor.begin_second_step(step)

    for handle in (None, alice.id.bytes, mallory.id.bytes):
        his.user_handle = handle
        with pytest.raises(WrongPasskey):
            passkey_factor.finish(step, Answer(began.state, his.answer(began.options)), TEST_CLIENT)
    assert events("session.signed_in") == ["needs_second_factor", *["wrong_passkey"] * 3]


def test_a_dead_ticket_is_good_for_nothing(alice: User, key: Authenticator) -> None:
    step = ticket()
    began = passkey_factor.begin_second_step(step)
    answer = Answer(began.state, key.answer(began.options))
    with (
        time_machine.travel(now() + second_step.TICKET_LIFE + timedelta(seconds=2), tick=False),
        pytest.raises(TokenExpired),
    ):
        passkey_factor.finish(step, answer, TEST_CLIENT)
    revocation.change_credentials(alice)
    db.session.commit()
    db.session.expire_all()

    with pytest.raises(InvalidToken):
        passkey_factor.finish(step, answer, TEST_CLIENT)
    with pytest.raises(InvalidToken):
        passkey_factor.begin_second_step("forged")


def test_a_passkey_is_a_fresh_proof(alice: User, key: Authenticator) -> None:
    session = session_of(alice)
    session.proved_at = None
    db.session.commit()
    began = passkey_factor.begin_fresh_proof(session)

    passkey_factor.prove(session, Answer(began.state, key.answer(began.options)), TEST_CLIENT)

    assert policy.is_fresh(session)
    assert events("session.proved") == ["ok"]


def test_a_proof_counts_in_its_own_session_alone(alice: User, key: Authenticator) -> None:
    session, other = session_of(alice), session_of(alice)
    began = passkey_factor.begin_fresh_proof(session)
    answer = Answer(began.state, key.answer(began.options))

    with pytest.raises(WrongPasskey):
        passkey_factor.prove(other, answer, TEST_CLIENT)
    sessions.sign_out(session, TEST_CLIENT)
    with pytest.raises(Unauthenticated):
        passkey_factor.prove(session, answer, TEST_CLIENT)
    assert events("session.proved") == ["wrong_passkey", "session_ended"]
