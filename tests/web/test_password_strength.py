"""The verdict on a password that is being typed: the one that submitting it would meet."""

import pytest

from chirp_auth.models import User
from tests.web.conftest import Visitor


@pytest.mark.parametrize(
    ("password", "accepted", "words"),
    [
        ("short", False, "at least 8 characters"),
        ("password1", False, "attackers try first"),
        ("qzqzqzqzqzqz", False, "too easy to guess"),
        ("mallory-mallory", False, "your name, your email address"),
        ("é" * 40, False, "72 bytes at most"),
        ("seven quiet herons", True, "will do"),
    ],
)
def test_the_verdict_is_the_one_of_submitting(visitor: Visitor, password: str, accepted: bool, words: str) -> None:
    typed = {"email": "mallory@example.com", "first_name": "", "last_name": "", "password": password}

    verdict = visitor.send("/password-strength", "/register", **typed)

    assert verdict.status_code == 200
    assert verdict.get_json()["accepted"] is accepted
    assert words in verdict.get_json()["sentence"]
    assert verdict.headers["Cache-Control"] == "no-store"
    assert (visitor.send("/register", **typed).status_code == 303) is accepted


def test_whoever_is_signed_in_is_held_to_their_own_names(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()

    verdict = visitor.send("/password-strength", "/change-password", new_password="archer-archer").get_json()

    assert not verdict["accepted"]


def test_another_site_gets_no_verdict(visitor: Visitor) -> None:
    assert visitor.client.post("/password-strength", data={"password": "seven quiet herons"}).status_code == 400
