"""Keep me signed in: without it a sign-in ends with the browser, and after a day at most."""

from datetime import timedelta

import pytest
import time_machine
from werkzeug.test import TestResponse

from chirp_auth.clock import now
from chirp_auth.models import User
from tests.conftest import MALLORY, NEW_PASSWORD, PASSWORD, on_one_database
from tests.support.visitor import login
from tests.web.conftest import Visitor, words

pytestmark = on_one_database

KEPT = {"keep": "y"}
HOME = "Hello, Alice"


def session_cookie(answer: TestResponse) -> str:
    (cookie,) = [cookie for cookie in answer.headers.getlist("Set-Cookie") if cookie.startswith("session=")]
    return cookie


def test_the_browser_forgets_a_sign_in_that_it_was_not_asked_to_keep(visitor: Visitor, alice: User) -> None:
    assert "Expires=" not in session_cookie(visitor.sign_in())


def test_the_browser_keeps_a_sign_in_that_it_was_asked_to_keep(visitor: Visitor, alice: User) -> None:
    assert "Expires=" in session_cookie(visitor.sign_in(**KEPT))


@pytest.mark.parametrize(("choice", "ends_after"), [({}, timedelta(days=1)), (KEPT, timedelta(days=30))])
def test_the_session_ends_at_the_server_too(
    visitor: Visitor, alice: User, choice: dict[str, str], ends_after: timedelta
) -> None:
    visitor.sign_in(**choice)

    for day in range(1, ends_after.days):  # Seen each day, so that it does not end for idleness.
        with time_machine.travel(now() + timedelta(days=day)):
            visitor.open("/")
    with time_machine.travel(now() + ends_after - timedelta(minutes=1)):
        assert HOME in words(visitor.open("/"))
    with time_machine.travel(now() + ends_after + timedelta(minutes=1)):
        assert HOME not in words(visitor.open("/"))


def test_the_box_is_empty_until_somebody_ticks_it_and_survives_a_mistake(visitor: Visitor, alice: User) -> None:
    assert "checked" not in visitor.open("/login").text

    wrong = visitor.sign_in(password="wrong", **KEPT)

    assert 'type="checkbox" value="y" checked' in wrong.text


def test_a_change_of_password_keeps_the_choice(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    new = {"new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}

    changed = visitor.send("/change-password", current_password=PASSWORD, **new)

    assert "Expires=" not in session_cookie(changed)
    with time_machine.travel(now() + timedelta(days=1, minutes=1)):
        assert HOME not in words(visitor.open("/"))


def test_a_registration_is_not_kept(visitor: Visitor) -> None:
    answer = visitor.send("/register", email=MALLORY, password=NEW_PASSWORD)

    assert "Expires=" not in session_cookie(answer)
    with time_machine.travel(now() + timedelta(days=1, minutes=1)):
        assert "Hello, mallory" not in words(visitor.open("/"))


def test_an_app_stays_signed_in(visitor: Visitor, alice: User) -> None:
    refresh_token = login(visitor.client).get_json()["refresh_token"]

    with time_machine.travel(now() + timedelta(days=2)):
        answer = visitor.client.post("/api/v1/auth/refresh", json={"refresh_token": refresh_token})

    assert answer.status_code == 200
