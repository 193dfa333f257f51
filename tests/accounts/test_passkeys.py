"""Passkeys by their rules: adding, naming, removing, signing in."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import delete, select

from chirp_auth.accounts import registration, sessions, sign_in
from chirp_auth.accounts.factors import passkey_sign_in, passkeys
from chirp_auth.accounts.factors.passkey_proofs import Answer
from chirp_auth.accounts.registration import Applicant
from chirp_auth.clock import now
from chirp_auth.errors import (
    AddressNotConfirmed,
    FreshProofRequired,
    LastWayIn,
    NotFound,
    PasskeyRefused,
    TooManyPasskeys,
    Unauthenticated,
    ValidationFailed,
    WrongPasskey,
)
from chirp_auth.extensions import db
from chirp_auth.models import OutboxEntry, Passkey, Session, User
from tests.conftest import ALICE, MALLORY, PASSWORD, TEST_CLIENT, events
from tests.support.authenticator import BE, BS, EDDSA, ES256, RS256, UP, UV, Authenticator
from tests.support.passkeys import add, answer_to, session_of


@pytest.mark.parametrize("algorithm", [ES256, RS256, EDDSA])
def test_a_passkey_opens_the_account(alice: User, algorithm: int) -> None:
    key = Authenticator(algorithm)
    added = add(session_of(alice), key)

    session = passkey_sign_in.sign_in_by_passkey(answer_to(key), TEST_CLIENT)

    assert session.user_id == alice.id
    assert session.proved_at is not None
    assert sessions.find(session.id)
    db.session.refresh(added)
    assert added.last_used_at is not None
    assert events("session.signed_in")[-1] == "ok"


def test_what_is_kept_of_a_passkey(alice: User) -> None:
    synced = add(session_of(alice), Authenticator())
    bound = add(session_of(alice), Authenticator(flags=UP | UV, counts=True, count=7))

    assert (synced.may_sync, synced.is_synced, synced.sign_count) == (True, True, 0)
    assert (bound.may_sync, bound.is_synced, bound.sign_count) == (False, False, 7)
    assert synced.transports == ["hybrid", "internal"]
    assert synced.name == "Firefox"


def test_adding_and_removing_are_told_to_the_owner(alice: User) -> None:
    session = session_of(alice)
    passkey = add(session, Authenticator(), "  My   telephone ")
    passkeys.remove(session, passkey.id, TEST_CLIENT)

    notices = db.session.scalars(select(OutboxEntry).where(OutboxEntry.kind == "factor_notice")).all()
    told = [(entry.params["what"], entry.params["passkey"]) for entry in sorted(notices, key=lambda e: e.created_at)]
    assert told == [("passkey_added", "My telephone"), ("passkey_removed", "My telephone")]
    assert events("passkey.added") == events("passkey.removed") == ["ok"]
    assert passkeys.listed(alice) == []


def test_a_removed_passkey_opens_nothing(alice: User) -> None:
    session, key = session_of(alice), Authenticator()
    passkeys.remove(session, add(session, key).id, TEST_CLIENT)

    with pytest.raises(WrongPasskey):
        passkey_sign_in.sign_in_by_passkey(answer_to(key), TEST_CLIENT)


def test_removing_ends_all_other_sessions_and_adding_none(alice: User) -> None:
    here, elsewhere = session_of(alice), session_of(alice)
    passkey = add(here, Authenticator())
    assert sessions.find(elsewhere.id)

    passkeys.remove(here, passkey.id, TEST_CLIENT)

    assert sessions.find(elsewhere.id) is None
    assert sessions.find(here.id)


def test_a_stale_proof_neither_adds_nor_removes(alice: User) -> None:
    session = session_of(alice)
    passkey = add(session, Authenticator())
    began = passkeys.begin(session)
    with time_machine.travel(now() + timedelta(minutes=6), tick=False):
        with pytest.raises(FreshProofRequired):
            passkeys.begin(session)
        with pytest.raises(FreshProofRequired):
            passkeys.add(session, Answer(began.state, Authenticator().register(began.options)), None, TEST_CLIENT)
        with pytest.raises(FreshProofRequired):
            passkeys.remove(session, passkey.id, TEST_CLIENT)
        passkeys.rename(session, passkey.id, "Laptop", TEST_CLIENT)

    assert [each.name for each in passkeys.listed(alice)] == ["Laptop"]


def test_an_account_whose_address_is_not_confirmed_gets_none(alice: User) -> None:
    """Or whoever registers with somebody else's address had a way in that outlives the owner's reset."""
    session = session_of(alice)
    began = passkeys.begin(session)
    alice.email_verified_at = None
    db.session.commit()

    with pytest.raises(AddressNotConfirmed):
        passkeys.begin(session)
    with pytest.raises(AddressNotConfirmed):
        passkeys.add(session, Answer(began.state, Authenticator().register(began.options)), None, TEST_CLIENT)


def test_the_last_way_in_stays(alice: User) -> None:
    session = session_of(alice)
    first = add(session, Authenticator())
    second = add(session, Authenticator())
    alice.password_hash = None
    db.session.commit()

    passkeys.remove(session, first.id, TEST_CLIENT)
    db.session.expire_all()  # The next request.
    with pytest.raises(LastWayIn):
        passkeys.remove(session, second.id, TEST_CLIENT)

    assert [each.id for each in passkeys.listed(alice)] == [second.id]
    assert sessions.find(session.id)


def test_an_account_without_a_password_signs_in_by_passkey(alice: User) -> None:
    key = Authenticator()
    add(session_of(alice), key)
    alice.password_hash = None
    db.session.commit()

    assert passkey_sign_in.sign_in_by_passkey(answer_to(key), TEST_CLIENT).user_id == alice.id


def test_there_are_twenty_at_most(alice: User) -> None:
    session = session_of(alice)
    began = passkeys.begin(session)
    for _ in range(passkeys.MAX_PASSKEYS):
        add(session, Authenticator())

    with pytest.raises(TooManyPasskeys):
        passkeys.begin(session)
    with pytest.raises(TooManyPasskeys):
        passkeys.add(session, Answer(began.state, Authenticator().register(began.options)), None, TEST_CLIENT)
    assert len(passkeys.listed(alice)) == passkeys.MAX_PASSKEYS


def test_one_authenticator_is_asked_for_one_passkey(alice: User) -> None:
    session, key = session_of(alice), Authenticator()
    add(session, key)

    excluded = passkeys.begin(session).options["excludeCredentials"]

    assert [each["id"] for each in excluded] == [key.answer({"challenge": ""})["id"]]
    with pytest.raises(PasskeyRefused):
        add(session, key)


def test_names_are_checked(alice: User) -> None:
    session = session_of(alice)
    passkey = add(session, Authenticator())

    for name in ("x" * 61, "a\0b", "x" * 10_000):
        with pytest.raises(ValidationFailed):
            passkeys.rename(session, passkey.id, name, TEST_CLIENT)
    assert passkeys.rename(session, passkey.id, " ", TEST_CLIENT).name == "Firefox"


def test_passkeys_of_others_are_not_found(alice: User) -> None:
    passkey = add(session_of(alice), Authenticator())
    session = session_of(registration.create(Applicant(MALLORY, PASSWORD), TEST_CLIENT))

    with pytest.raises(NotFound):
        passkeys.rename(session, passkey.id, "Mine", TEST_CLIENT)
    with pytest.raises(NotFound):
        passkeys.remove(session, passkey.id, TEST_CLIENT)


def test_an_ended_session_adds_nothing(alice: User) -> None:
    session = session_of(alice)
    began = passkeys.begin(session)
    sessions.sign_out(session, TEST_CLIENT)

    with pytest.raises(Unauthenticated):
        passkeys.add(session, Answer(began.state, Authenticator().register(began.options)), None, TEST_CLIENT)
    assert passkeys.listed(alice) == []


def test_a_sign_in_keeps_whether_the_passkey_is_synced(alice: User) -> None:
    key = Authenticator(flags=UP | UV | BE)
    passkey = add(session_of(alice), key)
    assert not passkey.is_synced
    key.flags |= BS

    passkey_sign_in.sign_in_by_passkey(answer_to(key), TEST_CLIENT)

    db.session.refresh(passkey)
    assert passkey.is_synced


def test_a_new_device_is_told_to_the_owner(alice: User) -> None:
    key = Authenticator()
    add(session_of(alice), key)
    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)

    passkey_sign_in.sign_in_by_passkey(answer_to(key), TEST_CLIENT)
    elsewhere = type(TEST_CLIENT)(face="api", ip="192.0.2.99", user_agent="curl/8")
    passkey_sign_in.sign_in_by_passkey(answer_to(key), elsewhere)

    kinds = db.session.scalars(select(OutboxEntry.kind).where(OutboxEntry.kind == "new_sign_in")).all()
    assert len(kinds) == 1


def test_guessing_at_the_password_does_not_keep_a_passkey_out(alice: User) -> None:
    key = Authenticator()
    add(session_of(alice), key)
    alice.failed_sign_ins, alice.sign_in_blocked_until = 7, now() + timedelta(minutes=10)
    db.session.commit()

    passkey_sign_in.sign_in_by_passkey(answer_to(key), TEST_CLIENT)

    db.session.expire_all()
    assert alice.failed_sign_ins == 0
    assert db.session.scalar(select(User.sign_in_blocked_until)) is None


def test_rows_go_with_the_account(alice: User) -> None:
    add(session_of(alice), Authenticator())
    db.session.execute(delete(Session))
    db.session.delete(alice)
    db.session.commit()

    assert db.session.scalars(select(Passkey)).all() == []
