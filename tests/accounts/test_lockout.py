"""Guesses: wrong passwords are counted, and the delay they bring grows, ends, and shows to nobody."""

from datetime import datetime, timedelta

import pytest
import time_machine

from chirp_auth.accounts import lockout, sign_in
from chirp_auth.errors import InvalidCredentials
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.models import User
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT, events
from tests.support.together import in_threads

NOON = datetime.fromisoformat("2026-11-21T12:00:00+00:00")


def fail(times: int = 1) -> None:
    for _ in range(times):
        db.session.remove()
        with pytest.raises(InvalidCredentials):
            sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT)


def account() -> User:
    db.session.remove()
    return db.session.query(User).filter_by(email_key=ALICE).one()


def test_four_failures_delay_nobody(alice: User) -> None:
    fail(4)

    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    assert account().failed_sign_ins == 0, "a successful sign-in clears them"


def test_from_the_fifth_failure_even_the_right_password_waits(alice: User) -> None:
    with time_machine.travel(NOON, tick=False):
        fail(5)
        with pytest.raises(InvalidCredentials):
            sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
        assert events("session.signed_in")[-1] == "delayed"
    with time_machine.travel(NOON + lockout.FIRST_DELAY, tick=False):
        db.session.remove()
        sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)


def test_a_try_during_the_delay_does_not_count(alice: User) -> None:
    with time_machine.travel(NOON, tick=False):
        fail(9)
        waiting = account()
        assert (waiting.failed_sign_ins, waiting.sign_in_blocked_until) == (5, NOON + lockout.FIRST_DELAY)


def test_the_delay_grows_to_a_quarter_of_an_hour_and_no_further(alice: User) -> None:
    moment, delays = NOON, []
    for _ in range(14):
        with time_machine.travel(moment, tick=False):
            fail()
            until = account().sign_in_blocked_until
        delays.append(until - moment if until else timedelta(0))
        moment = until or moment

    assert delays[:4] == [timedelta(0)] * 4
    assert delays[4:7] == [timedelta(seconds=15), timedelta(seconds=30), timedelta(seconds=60)]
    assert delays == sorted(delays)
    assert max(delays) == timedelta(minutes=15)


@pytest.mark.settings(web_threads=44)
def test_failures_at_the_same_moment_each_count(app: Application, alice: User) -> None:
    assert (
        in_threads(app, [lambda: sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT)] * 4) == ["InvalidCredentials"] * 4
    )

    assert account().failed_sign_ins == 4
    fail()
    assert account().sign_in_blocked_until is not None


@pytest.mark.settings(web_threads=44)
def test_a_burst_of_guesses_brings_the_delay_and_lets_nobody_in_afterwards(app: Application, alice: User) -> None:
    in_threads(app, [lambda: sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT)] * 20)

    assert account().failed_sign_ins >= 5
    with pytest.raises(InvalidCredentials):
        sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
