"""Guesses: wrong passwords are counted, and the delay they bring grows, ends, and shows to nobody."""

from datetime import datetime

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


def test_from_the_fifth_failure_even_the_right_password_waits(alice: User) -> None:
    with time_machine.travel(NOON, tick=False):
        fail(5)
        with pytest.raises(InvalidCredentials):
            sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
        assert events("session.signed_in")[-1] == "delayed"
    with time_machine.travel(NOON + lockout.FIRST_DELAY, tick=False):
        db.session.remove()
        sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)


@pytest.mark.settings(web_threads=44)
def test_a_burst_of_guesses_brings_the_delay_and_lets_nobody_in_afterwards(app: Application, alice: User) -> None:
    in_threads(app, [lambda: sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT)] * 20)

    assert account().failed_sign_ins >= 5
    with pytest.raises(InvalidCredentials):
        sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
