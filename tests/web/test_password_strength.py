"""The verdict on a password that is being typed: the one that submitting it would meet."""

import pytest

from chirp_auth.models import User
from tests.conftest import on_one_database
from tests.web.conftest import Visitor, words

pytestmark = on_one_database


@pytest.mark.parametrize(
    ("password", "accepted", "said"),
    [
        ("short", False, "at least 8 characters"),
        ("password1", False, "attackers try first"),
        ("qzqzqzqzqzqz", False, "too easy to guess"),
        ("mallory-mallory", False, "your name, your email address"),
        ("é" * 40, False, "leave out 4 characters"),
        ("zebra lamp", True, "One more word"),
        ("seven quiet herons", True, "Strong."),
    ],
)
def test_the_verdict_is_the_one_of_submitting(visitor: Visitor, password: str, accepted: bool, said: str) -> None:
    typed = {"email": "mallory@example.com", "first_name": "", "last_name": "", "password": password}

    verdict = visitor.send("/password-strength", "/register", **typed)

    assert verdict.status_code == 200
    assert verdict.get_json()["accepted"] is accepted
    assert said in verdict.get_json()["sentence"]
    assert verdict.headers["Cache-Control"] == "no-store"
    assert (visitor.send("/register", **typed).status_code == 303) is accepted


@pytest.mark.parametrize(
    ("password", "strength"), [("password1", "easy"), ("zebra lamp", "okay"), ("seven quiet herons", "strong")]
)
def test_there_are_three_steps(visitor: Visitor, password: str, strength: str) -> None:
    verdict = visitor.send("/password-strength", "/register", email="x@example.com", password=password).get_json()

    assert verdict["strength"] == strength


@pytest.mark.settings(password_min_length=11)
def test_the_field_has_one_line_of_hint_and_no_limit_that_is_not_reached(visitor: Visitor) -> None:
    page = visitor.open("/register")

    assert "11 characters or more. Three unrelated words work well." in words(page)
    assert "72" not in words(page)


def test_the_verdict_is_in_the_language_of_the_page(visitor: Visitor) -> None:
    visitor.send("/language", "/register", language="de", page="/register")

    verdict = visitor.send("/password-strength", "/register", email="x@example.com", password="a" * 73).get_json()

    assert verdict["sentence"] == "Das Passwort ist zu lang: Lassen Sie 1 Zeichen weg."


def test_whoever_is_signed_in_is_held_to_their_own_names(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()

    verdict = visitor.send("/password-strength", "/change-password", new_password="archer-archer").get_json()

    assert not verdict["accepted"]


def test_another_site_gets_no_verdict(visitor: Visitor) -> None:
    assert visitor.client.post("/password-strength", data={"password": "seven quiet herons"}).status_code == 400
