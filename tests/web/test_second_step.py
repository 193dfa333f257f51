"""The second step of a sign-in in a browser."""

import pytest
import time_machine
from flask.testing import FlaskClient

from chirp_auth.extensions import db
from chirp_auth.models import User
from tests.conftest import on_one_database
from tests.support.factors import RECOVERY_CODES, code_for, with_authenticator, wrong_code
from tests.web.conftest import Visitor, words

pytestmark = on_one_database

STEP = "/login/second-step"


@pytest.fixture
def secret(alice: User) -> str:
    return with_authenticator(alice)


def test_alice_shows_a_code_and_gets_where_she_wanted(visitor: Visitor, secret: str) -> None:
    visitor.client.get("/change-password")
    assert visitor.sign_in().location == STEP

    answer = visitor.send(STEP, code=code_for(secret))

    assert (answer.status_code, answer.location) == (303, "/change-password")
    assert "Hello, Alice Archer" in words(visitor.open("/"))


def test_until_then_nobody_is_signed_in(visitor: Visitor, secret: str) -> None:
    visitor.sign_in()

    assert "Hello" not in words(visitor.open("/"))


def test_a_wrong_code_can_be_corrected(visitor: Visitor, secret: str) -> None:
    visitor.sign_in()

    refused = visitor.send(STEP, code=wrong_code(secret))
    assert refused.status_code == 401
    assert "That code is not right, or was used already." in words(refused)

    assert visitor.send(STEP, code="").status_code == 400
    assert visitor.send(STEP, code=RECOVERY_CODES[1]).location == "/"
    assert "You have 1 recovery code left." in words(visitor.open("/"))


def test_a_trusted_browser_skips_the_step_and_no_other_does(visitor: Visitor, elsewhere: Visitor, secret: str) -> None:
    visitor.sign_in()
    visitor.send(STEP, code=code_for(secret), trust="y")
    visitor.send("/logout", on="/")

    assert visitor.sign_in().location == "/"
    assert elsewhere.sign_in().location == STEP


def test_without_the_choice_the_browser_is_asked_again(visitor: Visitor, secret: str) -> None:
    visitor.sign_in()
    visitor.send(STEP, code=code_for(secret))
    visitor.send("/logout", on="/")

    assert visitor.sign_in().location == STEP


@pytest.mark.parametrize("keep", ["", "y"])
def test_the_choice_to_stay_signed_in_survives_the_step(visitor: Visitor, secret: str, keep: str) -> None:
    visitor.sign_in(**({"keep": keep} if keep else {}))

    cookies = visitor.send(STEP, code=code_for(secret)).headers.getlist("Set-Cookie")

    assert any(cookie.startswith("session=") and "Expires=" in cookie for cookie in cookies) == bool(keep)


def test_a_step_that_took_too_long_begins_again(visitor: Visitor, secret: str) -> None:
    with time_machine.travel("2026-11-21T12:00:00Z", tick=False) as clock:
        visitor.sign_in()
        clock.shift(11 * 60)
        answer = visitor.open(STEP)

    assert answer.request.path == "/login"
    assert "Please sign in again." in answer.text


def test_the_page_of_nobody_leads_to_the_sign_in(visitor: Visitor, client: FlaskClient) -> None:
    assert visitor.client.get(STEP).location == "/login"
    assert visitor.client.post(STEP, data={"code": "123456"}).location == "/login"


def test_whoever_is_signed_in_is_asked_nothing(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()

    assert visitor.client.get(STEP).location == "/"


def test_a_form_without_its_token_changes_nothing(visitor: Visitor, secret: str) -> None:
    visitor.sign_in()

    assert visitor.client.post(STEP, data={"code": code_for(secret)}).status_code == 400
    db.session.remove()
    assert visitor.send(STEP, code=code_for(secret)).location == "/"
