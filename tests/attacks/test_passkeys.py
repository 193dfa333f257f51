"""Attacks on passkeys: forged, moved, mixed, replayed and copied ceremonies, and many at once."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import func, select

from chirp_auth.accounts import registration, sign_in
from chirp_auth.accounts.factors import passkey_sign_in, passkeys
from chirp_auth.accounts.factors.passkey_proofs import Answer
from chirp_auth.accounts.registration import Applicant
from chirp_auth.clock import now
from chirp_auth.errors import PasskeyRefused, WrongPasskey
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.models import OutboxEntry, Passkey, SpentChallenge, User
from chirp_auth.models import Session as SessionRow
from chirp_auth.security import passkey_ceremonies, tokens
from chirp_auth.security.passkey_challenges import LIFE, Purpose
from tests.conftest import ALICE, MALLORY, PASSWORD, TEST_CLIENT, events, on_one_database
from tests.support.authenticator import BE, BS, RS256, UP, UV, Authenticator, decoded, encoded
from tests.support.passkeys import add, answer_to, session_of
from tests.support.together import in_threads

TWENTY = 20


@pytest.fixture
def key(alice: User) -> Authenticator:
    """Alice's passkey."""
    key = Authenticator()
    add(session_of(alice), key)
    return key


@pytest.fixture
def mallory(app: Application) -> User:
    return registration.create(Applicant(MALLORY, PASSWORD), TEST_CLIENT)


def refused(answer: Answer) -> None:
    """Check that nobody is signed in by the answer, in the words of every other refusal, and that it is on record."""
    with pytest.raises(WrongPasskey) as refusal:
        passkey_sign_in.sign_in_by_passkey(answer, TEST_CLIENT)
    assert (refusal.value.code, refusal.value.sentence) == ("INVALID_CREDENTIALS", WrongPasskey.sentence)
    assert events("session.signed_in")[-1] in ("wrong_passkey", "disabled", "email_not_verified")


def with_response(answer: Answer, **members: Any) -> Answer:
    response = {**answer.credential["response"], **members}
    return replace(answer, credential={**answer.credential, "response": response})


def _other_data(answer: Answer, change: Callable[[bytearray], None]) -> Answer:
    data = bytearray(decoded(answer.credential["response"]["authenticatorData"]))
    change(data)
    return with_response(answer, authenticatorData=encoded(bytes(data)))


FORGED: dict[str, Callable[[Authenticator], Answer]] = {
    "another site": lambda key: answer_to(replaced(key, origin="https://auth.example.org")),
    "a subdomain of ours": lambda key: answer_to(replaced(key, origin="https://evil.auth.example.com")),
    "plain http": lambda key: answer_to(replaced(key, origin="http://auth.example.com")),
    "another port": lambda key: answer_to(replaced(key, origin="https://auth.example.com:8443")),
    "an unknown Android app": lambda key: answer_to(replaced(key, origin="android:apk-key-hash:AAAA")),
    "another relying party": lambda key: answer_to(replaced(key, rp_id="example.com")),
    "nobody verified": lambda key: answer_to(replaced(key, flags=UP | BE | BS)),
    "nobody present": lambda key: answer_to(replaced(key, flags=UV | BE | BS)),
    "synced, but cannot be": lambda key: answer_to(replaced(key, flags=UP | UV | BS)),
    "cannot be synced any more": lambda key: answer_to(replaced(key, flags=UP | UV)),
    "a frame of another site": lambda key: answer_to(key, crossOrigin=True),
    "a registration": lambda key: answer_to(key, type="webauthn.create"),
    "no type": lambda key: answer_to(key, type=None),
    "another challenge": lambda key: answer_to(key, challenge=encoded(b"0" * 32)),
    "nobody named": lambda key: answer_to(replaced(key, user_handle=None)),
    "somebody else named": lambda key: answer_to(replaced(key, user_handle=uuid4().bytes)),
    "another key": lambda key: answer_to(
        replaced(Authenticator(), credential_id=key.credential_id, user_handle=key.user_handle)
    ),
    "another kind of key": lambda key: answer_to(
        replaced(Authenticator(RS256), credential_id=key.credential_id, user_handle=key.user_handle)
    ),
    "an unknown passkey": lambda key: answer_to(Authenticator(user_handle=key.user_handle)),
    "a flag set afterwards": lambda key: _other_data(answer_to(replaced(key, flags=UP | BE | BS)), _verify_user),
    "a counter set afterwards": lambda key: _other_data(answer_to(key), _count),
    "no signature": lambda key: with_response(answer_to(key), signature=""),
    "client data that is no object": lambda key: with_response(answer_to(key), clientDataJSON=encoded(b"[]")),
    "client data that is no JSON": lambda key: with_response(answer_to(key), clientDataJSON=encoded(b"\xff{")),
    "deep client data": lambda key: with_response(answer_to(key), clientDataJSON=encoded(b"[" * 100_000)),
    "cut data": lambda key: with_response(answer_to(key), authenticatorData=encoded(b"0" * 36)),
    "no response": lambda key: Answer(answer_to(key).state, {"id": "x", "rawId": "x", "type": "public-key"}),
    "members of other types": lambda key: Answer(answer_to(key).state, {"rawId": [1], "id": {}, "response": 7}),
    "no credential": lambda key: Answer(answer_to(key).state, {}),
    "no state": lambda key: replace(answer_to(key), state=""),
    "a lone surrogate": lambda key: replace(answer_to(key), state="\ud800"),
    "another state": lambda key: replace(answer_to(key), state=passkey_sign_in.begin().state),
    "a token of another purpose": lambda key: replace(
        answer_to(key), state=tokens.mint(tokens.SECOND_STEP, uuid4(), now())
    ),
}


def replaced(key: Authenticator, **changed: Any) -> Authenticator:
    copy = key.clone()
    for name, value in changed.items():
        setattr(copy, name, value)
    return copy


def _verify_user(data: bytearray) -> None:
    data[32] |= UV


def _count(data: bytearray) -> None:
    data[36] = 9


@on_one_database
@pytest.mark.parametrize("name", FORGED)
def test_what_is_not_genuine_signs_nobody_in(key: Authenticator, name: str) -> None:
    refused(FORGED[name](key))

    passkey_sign_in.sign_in_by_passkey(answer_to(key), TEST_CLIENT)


def test_a_replayed_answer_signs_nobody_in(key: Authenticator) -> None:
    answer = answer_to(key)
    passkey_sign_in.sign_in_by_passkey(answer, TEST_CLIENT)

    refused(answer)

    assert db.session.scalar(select(func.count()).select_from(SpentChallenge)) == 2  # It and the registration's.
    assert events("passkey.suspected") == []


@on_one_database
def test_a_late_answer_signs_nobody_in(key: Authenticator) -> None:
    answer = answer_to(key)
    with time_machine.travel(now() + LIFE + timedelta(seconds=2), tick=False):
        refused(answer)


def test_of_twenty_answers_at_once_one_counts(app: Application, key: Authenticator) -> None:
    answer = answer_to(key)
    before = db.session.scalar(select(func.count()).select_from(SessionRow)) or 0
    db.session.commit()

    outcomes = in_threads(app, [lambda: passkey_sign_in.sign_in_by_passkey(answer, TEST_CLIENT)] * TWENTY)

    assert sorted(outcomes) == sorted(["ok", *["WrongPasskey"] * (TWENTY - 1)])
    assert db.session.scalar(select(func.count()).select_from(SessionRow)) == before + 1


def test_of_twenty_registrations_at_once_one_counts(app: Application, alice: User) -> None:
    session = session_of(alice)
    began = passkeys.begin(session)
    answer = Answer(began.state, Authenticator().register(began.options))
    session_id = session.id
    db.session.commit()

    def register() -> None:
        own = db.session.get(SessionRow, session_id)
        assert own
        passkeys.add(own, answer, None, TEST_CLIENT)

    outcomes = in_threads(app, [register] * TWENTY)

    assert sorted(outcomes) == sorted(["ok", *["PasskeyRefused"] * (TWENTY - 1)])
    assert len(passkeys.listed(alice)) == 1


def test_many_at_once_do_not_pass_the_number_of_passkeys(app: Application, alice: User) -> None:
    session = session_of(alice)
    for _ in range(passkeys.MAX_PASSKEYS - 1):
        add(session, Authenticator())
    began = [passkeys.begin(session) for _ in range(5)]
    answers = [Answer(each.state, Authenticator().register(each.options)) for each in began]
    session_id = session.id
    db.session.commit()

    def register(answer: Answer) -> None:
        own = db.session.get(SessionRow, session_id)
        assert own
        passkeys.add(own, answer, None, TEST_CLIENT)

    outcomes = in_threads(app, [partial(register, answer) for answer in answers])

    assert sorted(outcomes) == sorted(["ok", *["TooManyPasskeys"] * 4])


def test_of_two_last_ways_in_removed_at_once_one_stays(app: Application, alice: User) -> None:
    session = session_of(alice)
    rows = [add(session, Authenticator()).id for _ in range(2)]
    alice.password_hash = None
    session_id = session.id
    db.session.commit()

    def remove(passkey: Any) -> None:
        own = db.session.get(SessionRow, session_id)
        assert own
        passkeys.remove(own, passkey, TEST_CLIENT)

    outcomes = in_threads(app, [partial(remove, row) for row in rows])

    assert outcomes.count("ok") == 1
    assert len(passkeys.listed(alice)) == 1


def test_a_copy_is_refused_once_the_original_was_used(alice: User) -> None:
    key = Authenticator(counts=True)
    add(session_of(alice), key, "Security key")
    stolen = key.clone()
    for _ in range(3):
        passkey_sign_in.sign_in_by_passkey(answer_to(key), TEST_CLIENT)

    refused(answer_to(stolen))

    assert events("passkey.suspected") == ["ok"]
    told = db.session.scalars(select(OutboxEntry.params).where(OutboxEntry.kind == "factor_notice")).all()
    assert [each["passkey"] for each in told if each["what"] == "passkey_suspected"] == ["Security key"]
    passkey_sign_in.sign_in_by_passkey(answer_to(key), TEST_CLIENT)


@on_one_database
def test_a_counter_that_stops_counting_is_refused(alice: User) -> None:
    key = Authenticator(counts=True)
    add(session_of(alice), key)
    passkey_sign_in.sign_in_by_passkey(answer_to(key), TEST_CLIENT)
    key.counts, key.count = False, 0

    refused(answer_to(key))

    assert events("passkey.suspected") == ["ok"]


@on_one_database
def test_a_forged_answer_with_an_old_counter_alarms_nobody(alice: User) -> None:
    key = Authenticator(counts=True, count=5)
    add(session_of(alice), key)

    refused(answer_to(replaced(Authenticator(), credential_id=key.credential_id, user_handle=key.user_handle)))

    assert events("passkey.suspected") == []


@on_one_database
def test_a_locked_account_is_not_opened(alice: User, key: Authenticator) -> None:
    alice.disabled_at = now()
    db.session.commit()

    refused(answer_to(key))

    assert events("session.signed_in")[-1] == "disabled"


@on_one_database
@pytest.mark.settings(conceal_accounts=True)
def test_a_concealed_account_is_not_opened_before_it_is_confirmed(alice: User, key: Authenticator) -> None:
    alice.email_verified_at = None
    db.session.commit()

    refused(answer_to(key))

    assert events("session.signed_in")[-1] == "email_not_verified"


@on_one_database
@pytest.mark.parametrize("purpose", [Purpose.SECOND_STEP, Purpose.FRESH_PROOF, Purpose.REGISTRATION])
def test_an_answer_for_another_purpose_signs_nobody_in(alice: User, key: Authenticator, purpose: Purpose) -> None:
    for subject in (None, alice.id):
        began = passkey_ceremonies.begin_assertion(purpose, subject)
        refused(Answer(began.state, key.answer(began.options)))


@on_one_database
def test_ceremonies_are_not_mixed(alice: User, key: Authenticator) -> None:
    session = session_of(alice)
    asserted, registered = passkey_sign_in.begin(), passkeys.begin(session)
    new = Authenticator()

    refused(Answer(asserted.state, new.register({**registered.options, "challenge": asserted.options["challenge"]})))
    for answer in (
        Answer(asserted.state, new.register({**registered.options, "challenge": asserted.options["challenge"]})),
        Answer(registered.state, key.answer(registered.options)),
    ):
        with pytest.raises(PasskeyRefused):
            passkeys.add(session, answer, None, TEST_CLIENT)


@on_one_database
def test_a_registration_is_good_in_its_own_session_alone(alice: User, mallory: User) -> None:
    """Mallory lets Alice's browser finish a ceremony that Mallory began, and the other way round."""
    hers, his = session_of(alice), session_of(mallory)
    began = passkeys.begin(his)
    answer = Answer(began.state, Authenticator().register(began.options))

    for session in (hers, session_of(mallory)):
        with pytest.raises(PasskeyRefused):
            passkeys.add(session, answer, None, TEST_CLIENT)
    assert passkeys.listed(alice) == passkeys.listed(mallory) == []


@on_one_database
def test_a_passkey_of_another_account_is_not_taken_over(alice: User, mallory: User, key: Authenticator) -> None:
    with pytest.raises(PasskeyRefused):
        add(session_of(mallory), key)

    assert (
        passkey_sign_in.sign_in_by_passkey(answer_to(replaced(key, user_handle=alice.id.bytes)), TEST_CLIENT).user_id
        == alice.id
    )


REGISTRATIONS: dict[str, dict[str, Any]] = {
    "another site": {"origin": "https://auth.example.org"},
    "another relying party": {"rp_id": "example.com"},
    "nobody verified": {"flags": UP | BE | BS},
    "nobody present": {"flags": UV | BE | BS},
    "synced, but cannot be": {"flags": UP | UV | BS},
    "too long an id": {"credential_id": b"x" * 1024},
    "an empty id": {"credential_id": b""},
}


@on_one_database
@pytest.mark.parametrize("name", REGISTRATIONS)
def test_a_registration_that_is_not_genuine_adds_nothing(alice: User, name: str) -> None:
    with pytest.raises(PasskeyRefused):
        add(session_of(alice), Authenticator(**REGISTRATIONS[name]))

    assert db.session.scalars(select(Passkey)).all() == []


@on_one_database
def test_a_registration_with_a_key_of_another_kind_adds_nothing(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[Any] = [
        {1: 2, 3: -35, -1: 2},  # an algorithm that was not offered
        {1: 2, 3: -7, -1: 1, -2: b"x" * 32, -3: b"y" * 32},  # no point of the curve
        {1: 1},
        {},
        [],
        "key",
    ]
    for cose in keys:
        monkeypatch.setattr(Authenticator, "_cose_key", lambda _self, cose=cose: cose)
        with pytest.raises(PasskeyRefused):
            add(session_of(alice), Authenticator())


@on_one_database
def test_a_thief_does_not_stay_by_a_passkey_of_his_own(alice: User) -> None:
    """He was in a session of hers and added one; she removes it, and he is out everywhere."""
    thief, key = session_of(alice), Authenticator()
    passkey = add(thief, key)
    his = passkey_sign_in.sign_in_by_passkey(answer_to(key), TEST_CLIENT)
    hers = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)

    passkeys.remove(hers, passkey.id, TEST_CLIENT)

    refused(answer_to(key))
    for session in (thief, his):
        assert db.session.get(SessionRow, session.id, populate_existing=True).revoked_at  # type: ignore[union-attr]


@on_one_database
def test_options_say_nothing_of_anybody(alice: User, key: Authenticator) -> None:
    options = passkey_sign_in.begin().options

    assert options["allowCredentials"] == []
    assert options["userVerification"] == "required"
    assert encoded(key.credential_id) not in json.dumps(options)
    assert len(decoded(options["challenge"])) == 32
