"""Sessions: how long each lives, and that an ended one is dead at once."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import update

from chirp_auth.accounts import registration, sessions, sign_in
from chirp_auth.accounts.registration import Applicant
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.models import Session, User
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT

NOON = datetime.fromisoformat("2026-11-21T12:00:00+00:00")


def alive(session: Session) -> bool:
    db.session.remove()
    return sessions.find(session.id) is not None


@pytest.fixture
def here(alice: User) -> Session:
    return sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)


@pytest.fixture
def there(alice: User) -> Session:
    return sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)


def test_signing_out_ends_this_session_and_no_other(here: Session, there: Session) -> None:
    sessions.sign_out(here, TEST_CLIENT)

    assert (alive(here), alive(there)) == (False, True)


def test_one_session_can_be_ended_from_another(alice: User, here: Session, there: Session) -> None:
    assert sessions.end(there.id, alice, TEST_CLIENT)

    assert (alive(here), alive(there)) == (True, False)
    assert not sessions.end(there.id, alice, TEST_CLIENT), "it is over already"
    assert not sessions.end(uuid4(), alice, TEST_CLIENT)


def test_nobody_ends_the_session_of_somebody_else(here: Session) -> None:
    mallory = registration.create(Applicant(MALLORY, NEW_PASSWORD), TEST_CLIENT)

    assert not sessions.end(here.id, mallory, TEST_CLIENT)
    assert alive(here)


def test_all_others_can_be_ended(alice: User, here: Session, there: Session) -> None:
    assert sessions.end_others(here, TEST_CLIENT) == 1

    assert (alive(here), alive(there)) == (True, False)
    assert [session.id for session in sessions.living(alice)] == [here.id]


@pytest.mark.parametrize("changed", [{"disabled_at": NOON}, {"credential_version": 2}])
def test_a_change_of_the_account_ends_a_session_that_nobody_marked(here: Session, changed: dict[str, object]) -> None:
    db.session.execute(update(User).values(**changed))
    db.session.commit()

    assert not alive(here)


def test_a_session_that_is_used_lives_for_thirty_days(alice: User) -> None:
    with time_machine.travel(NOON, tick=False):
        session = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    for day in range(29):
        with time_machine.travel(NOON + timedelta(days=day, hours=1), tick=False):
            assert alive(session)
    with time_machine.travel(NOON + timedelta(days=30), tick=False):
        assert not alive(session)


def test_a_session_that_nobody_uses_ends_after_a_fortnight(alice: User) -> None:
    with time_machine.travel(NOON, tick=False):
        session = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    with time_machine.travel(NOON + timedelta(days=14), tick=False):
        assert not alive(session)


def test_looking_often_writes_once_a_minute(here: Session) -> None:
    seen_first = here.last_seen_at
    with time_machine.travel(now() + timedelta(seconds=30)):
        assert alive(here)
        assert db.session.get_one(Session, here.id).last_seen_at == seen_first
    with time_machine.travel(now() + timedelta(seconds=90)):
        assert alive(here)
        db.session.remove()
        assert db.session.get_one(Session, here.id).last_seen_at > seen_first


def test_the_list_names_this_place_first_then_the_last_seen(alice: User, here: Session, there: Session) -> None:
    with time_machine.travel(now() + timedelta(hours=1)):
        latest = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)

        assert [place.id for place in sessions.living(alice, here)] == [here.id, latest.id, there.id]


def test_the_list_names_no_place_of_anybody_else(alice: User, here: Session) -> None:
    mallory = registration.create(Applicant(MALLORY, NEW_PASSWORD), TEST_CLIENT)
    hers = sign_in.sign_in(MALLORY, NEW_PASSWORD, TEST_CLIENT)

    assert [place.id for place in sessions.living(alice)] == [here.id]
    assert [place.id for place in sessions.living(mallory)] == [hers.id]


def test_ending_all_others_ends_nothing_of_anybody_else(here: Session, there: Session) -> None:
    registration.create(Applicant(MALLORY, NEW_PASSWORD), TEST_CLIENT)
    hers = sign_in.sign_in(MALLORY, NEW_PASSWORD, TEST_CLIENT)

    assert sessions.end_others(here, TEST_CLIENT) == 1
    assert alive(hers)
