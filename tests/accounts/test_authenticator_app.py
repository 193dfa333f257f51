"""Setting up and removing an authenticator app, and the recovery codes that come with it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from chirp_auth.accounts import (
    address_change,
    deletion,
    known_devices,
    password_change,
    personal_data,
    policy,
    sessions,
    sign_in,
)
from chirp_auth.accounts.factors import authenticator_app, fresh_proof, recovery_codes, second_factor
from chirp_auth.admin import retention
from chirp_auth.clock import now
from chirp_auth.errors import (
    AddressNotConfirmed,
    AuthenticatorAppExists,
    FreshProofRequired,
    InvalidCredentials,
    NoSetUp,
    NotFound,
    SecondFactorRequired,
    WrongSecondFactor,
)
from chirp_auth.extensions import db
from chirp_auth.models import AuthenticatorApp, OutboxEntry, RecoveryCode, Session, SpentChallenge, User
from chirp_auth.security import sealing, totp
from chirp_auth.security.client import Client
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT, events
from tests.support.factors import RECOVERY_CODES, code_for, with_authenticator, wrong_code

LATER = timedelta(minutes=6)  # No proof is fresh any more.


@pytest.fixture
def session(alice: User) -> Session:
    return sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)


def told() -> list[str]:
    query = select(OutboxEntry).where(OutboxEntry.kind == "factor_notice").order_by(OutboxEntry.created_at)
    return [entry.params["what"] for entry in db.session.scalars(query)]


def age(session: Session, by: timedelta = LATER) -> None:
    db.session.execute(update(Session).where(Session.id == session.id).values(proved_at=now() - by))
    db.session.commit()
    db.session.refresh(session)


def test_a_code_of_the_app_turns_the_second_step_on(alice: User, session: Session) -> None:
    elsewhere = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    old_id = session.id

    secret = authenticator_app.begin(session).secret
    assert not second_factor.is_on(alice.id)
    added = authenticator_app.confirm(session, code_for(secret), TEST_CLIENT)

    assert second_factor.is_on(alice.id)
    assert added.session.id != old_id
    assert sessions.find(added.session.id)
    assert sessions.find(elsewhere.id) is None
    assert len(set(added.recovery_codes)) == recovery_codes.left(alice.id) == 10
    assert events("authenticator_app.added") == ["ok"]
    assert told() == ["authenticator_app_added"]


def test_the_code_that_turned_it_on_is_spent(alice: User, session: Session) -> None:
    secret = authenticator_app.begin(session).secret
    code = code_for(secret)
    authenticator_app.confirm(session, code, TEST_CLIENT)
    db.session.remove()

    with pytest.raises(SecondFactorRequired) as asked:
        sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    with pytest.raises(WrongSecondFactor):
        sign_in.finish(str(asked.value.ticket), code, TEST_CLIENT)


def test_each_recovery_code_of_the_page_works_once(alice: User, session: Session) -> None:
    added = authenticator_app.confirm(session, code_for(authenticator_app.begin(session).secret), TEST_CLIENT)

    second_factor.show(alice, added.recovery_codes[0].lower().replace("-", " "), TEST_CLIENT)
    db.session.commit()
    assert recovery_codes.left(alice.id) == 9
    with pytest.raises(WrongSecondFactor):
        second_factor.show(alice, added.recovery_codes[0], TEST_CLIENT)


def test_a_wrong_code_turns_nothing_on_and_can_be_corrected(alice: User, session: Session) -> None:
    secret = authenticator_app.begin(session).secret

    with pytest.raises(WrongSecondFactor):
        authenticator_app.confirm(session, wrong_code(secret), TEST_CLIENT)

    assert not second_factor.is_on(alice.id)
    authenticator_app.confirm(session, code_for(secret), TEST_CLIENT)


def test_begun_twice_it_is_the_same_set_up(session: Session) -> None:
    assert authenticator_app.begin(session) == authenticator_app.begin(session)


def test_the_address_of_the_qr_code_names_site_and_account(session: Session) -> None:
    set_up = authenticator_app.begin(session)

    assert set_up.uri.startswith("otpauth://totp/")
    assert f"secret={set_up.secret}" in set_up.uri
    assert "alice%40example.com" in set_up.uri


def test_a_set_up_is_forgotten_after_half_an_hour(alice: User, session: Session) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        secret = authenticator_app.begin(session).secret
        clock.shift(authenticator_app.SET_UP_LIFE + timedelta(seconds=1))
        fresh_proof.note(session, TEST_CLIENT)
        with pytest.raises(NoSetUp):
            authenticator_app.confirm(session, code_for(secret), TEST_CLIENT)

        retention.purge(TEST_CLIENT)
        assert db.session.scalars(select(AuthenticatorApp)).all() == []
        assert authenticator_app.begin(session).secret != secret


def test_what_is_confirmed_or_young_is_kept(alice: User, session: Session) -> None:
    with_authenticator(alice)
    db.session.add(SpentChallenge(id=alice.id, spent_at=now() - timedelta(hours=1)))
    db.session.add(SpentChallenge(id=session.id, spent_at=now() - timedelta(days=2)))
    db.session.commit()
    with time_machine.travel(now() + timedelta(hours=1), tick=False):
        retention.purge(TEST_CLIENT)

    assert second_factor.is_on(alice.id)
    assert db.session.scalars(select(SpentChallenge.id)).all() == [alice.id]


def test_a_second_app_is_refused(alice: User, session: Session) -> None:
    with_authenticator(alice)

    with pytest.raises(AuthenticatorAppExists):
        authenticator_app.begin(session)
    with pytest.raises(AuthenticatorAppExists):
        authenticator_app.confirm(session, "123456", TEST_CLIENT)


def test_without_a_confirmed_address_there_is_no_second_factor(alice: User, session: Session) -> None:
    alice.email_verified_at = None
    db.session.commit()

    with pytest.raises(AddressNotConfirmed):
        authenticator_app.begin(session)


def test_removing_the_app_turns_the_step_off(alice: User, session: Session) -> None:
    with_authenticator(alice)
    cookie = known_devices.remember(alice, TEST_CLIENT, trust=True)
    elsewhere = sign_in.sign_in(ALICE, PASSWORD, Client(face="browser", device=cookie))

    authenticator_app.remove(session, TEST_CLIENT)

    assert not second_factor.is_on(alice.id)
    assert db.session.scalars(select(RecoveryCode)).all() == []
    assert sessions.find(elsewhere.id) is None
    assert sessions.find(session.id)
    assert told() == ["authenticator_app_removed"]
    with pytest.raises(NotFound):
        authenticator_app.remove(session, TEST_CLIENT)


def test_new_codes_replace_the_old_ones(alice: User, session: Session) -> None:
    with_authenticator(alice)

    made = recovery_codes.make_anew(session, TEST_CLIENT)

    assert len(made) == recovery_codes.left(alice.id) == 10
    with pytest.raises(WrongSecondFactor):
        second_factor.show(alice, RECOVERY_CODES[0], TEST_CLIENT)
    assert (events("recovery_codes.made"), told()) == (["ok"], ["recovery_codes_made"])


def test_without_an_app_there_are_no_codes(alice: User, session: Session) -> None:
    with pytest.raises(NotFound):
        recovery_codes.make_anew(session, TEST_CLIENT)


@pytest.mark.parametrize("act", ["begin", "under_way", "confirm", "remove", "codes"])
def test_each_change_needs_a_fresh_proof(alice: User, session: Session, act: str) -> None:
    secret = with_authenticator(alice) if act in ("remove", "codes") else authenticator_app.begin(session).secret
    calls: dict[str, Callable[[], object]] = {
        "begin": lambda: authenticator_app.begin(session),
        "under_way": lambda: authenticator_app.under_way(session),
        "confirm": lambda: authenticator_app.confirm(session, code_for(secret), TEST_CLIENT),
        "remove": lambda: authenticator_app.remove(session, TEST_CLIENT),
        "codes": lambda: recovery_codes.make_anew(session, TEST_CLIENT),
    }
    age(session)
    with pytest.raises(FreshProofRequired):
        calls[act]()
    age(session, timedelta(0))
    calls[act]()


def test_the_proof_takes_password_and_code(alice: User, session: Session) -> None:
    secret = with_authenticator(alice)
    age(session)

    with pytest.raises(InvalidCredentials):
        fresh_proof.prove(session, "nine wrong guesses", code_for(secret), TEST_CLIENT)
    with pytest.raises(SecondFactorRequired):
        fresh_proof.prove(session, PASSWORD, None, TEST_CLIENT)
    with pytest.raises(WrongSecondFactor):
        fresh_proof.prove(session, PASSWORD, wrong_code(secret), TEST_CLIENT)
    assert not policy.is_fresh(session)

    fresh_proof.prove(session, PASSWORD, code_for(secret), TEST_CLIENT)
    assert policy.is_fresh(session)
    assert events("session.proved") == ["wrong_password", "wrong_second_factor", "ok"]


ACTS: dict[str, Callable[[Session], object]] = {
    "password": lambda session: password_change.change_password(
        session, PASSWORD, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT
    ),
    "address": lambda session: address_change.request_change(session, PASSWORD, "alice@example.net", TEST_CLIENT),
    "data": lambda session: personal_data.download(session, PASSWORD, TEST_CLIENT),
    "deletion": lambda session: deletion.request(session, PASSWORD, TEST_CLIENT),
}


@pytest.mark.parametrize("act", ACTS)
def test_where_the_second_step_is_on_the_password_alone_does_nothing(alice: User, session: Session, act: str) -> None:
    with_authenticator(alice)
    age(session)
    with pytest.raises(FreshProofRequired):
        ACTS[act](session)

    age(session, timedelta(0))
    ACTS[act](session)


@pytest.mark.parametrize("act", ACTS)
def test_without_factors_nothing_has_changed(alice: User, session: Session, act: str) -> None:
    age(session)

    ACTS[act](session)


@pytest.mark.parametrize("act", ACTS)
def test_without_a_password_the_fresh_proof_stands_for_it(alice: User, session: Session, act: str) -> None:
    alice.password_hash = None
    db.session.commit()
    age(session)
    with pytest.raises(FreshProofRequired):
        ACTS[act](session)

    age(session, timedelta(0))
    ACTS[act](session)
    if act == "password":
        db.session.remove()
        assert sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT).user_id == alice.id


def test_the_secret_is_sealed_for_its_account(alice: User, session: Session) -> None:
    secret = authenticator_app.begin(session).secret
    kept = db.session.scalars(select(AuthenticatorApp.secret)).one()

    assert secret not in kept
    assert sealing.unseal(kept, str(alice.id)) == secret
    assert sealing.unseal(kept, str(session.id)) is None
    assert totp.step_of(secret, code_for(secret), now())
