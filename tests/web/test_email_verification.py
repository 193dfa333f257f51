"""Confirming an address in a browser."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine

from chirp_auth.clock import now
from chirp_auth.mail.mailbox import Mail
from tests.conftest import MALLORY, NEW_PASSWORD, on_one_database, token_in
from tests.web.conftest import Visitor, value_of, words

pytestmark = on_one_database

Delivered = Callable[[], list[Mail]]


@pytest.fixture
def token(visitor: Visitor, delivered: Delivered) -> str:
    """The token that a newly registered visitor was sent."""
    visitor.send("/register", email=MALLORY, password=NEW_PASSWORD)
    return token_in(delivered()[0])


def test_the_link_asks_and_the_button_confirms(visitor: Visitor, token: str) -> None:
    assert visitor.client.get(f"/verify-email?token={token}").location == "/verify-email"
    assert visitor.client.head("/verify-email").status_code == 200
    assert "Please confirm your address." in words(visitor.open("/"))

    visitor.send("/verify-email")

    assert "Your email address is confirmed." in words(visitor.open("/"))


def test_in_another_browser_the_password_confirms_and_signs_in(elsewhere: Visitor, token: str) -> None:
    elsewhere.open(f"/verify-email?token={token}")

    assert elsewhere.send("/verify-email", password=NEW_PASSWORD).location == "/"
    assert "Your email address is confirmed." in words(elsewhere.open("/"))


def test_whoever_does_not_know_the_password_chooses_one_and_signs_in(elsewhere: Visitor, token: str) -> None:
    elsewhere.open(f"/verify-email?token={token}")
    chosen = {"password": "seven brown kettles", "confirm_password": "seven brown kettles"}

    assert elsewhere.send("/verify-email/new-password", **chosen).location == "/login"
    assert value_of(elsewhere.open("/login"), "email") == MALLORY
    assert elsewhere.sign_in(MALLORY, "seven brown kettles").location == "/"


def test_a_link_that_did_its_work_says_so(visitor: Visitor, token: str) -> None:
    visitor.open(f"/verify-email?token={token}")
    visitor.send("/verify-email")

    page = visitor.open(f"/verify-email?token={token}")

    assert (page.status_code, "is confirmed" in words(page)) == (200, True)


def test_an_old_link_offers_a_new_one(visitor: Visitor, token: str, delivered: Delivered) -> None:
    with time_machine.travel(now() + timedelta(days=4)):
        visitor.sign_in(MALLORY, NEW_PASSWORD)
        page = visitor.open(f"/verify-email?token={token}")
        assert (page.status_code, "This confirmation link has expired" in words(page)) == (410, True)

        assert visitor.send("/verify-email/new-link", on="/verify-email").location == "/check-email"
        assert token_in(delivered()[0]) != token


def test_home_sends_the_link_again(visitor: Visitor, token: str, delivered: Delivered) -> None:
    visitor.send("/verify-email/new-link", on="/")

    assert f"A mail is on its way to {MALLORY}" in words(visitor.open("/check-email"))
    assert len(delivered()) == 2


def test_a_stranger_is_asked_to_sign_in_first(elsewhere: Visitor) -> None:
    page = elsewhere.open("/verify-email?token=none")

    assert (page.status_code, "Send me a new link" in words(page)) == (404, False)
    assert elsewhere.send("/verify-email/new-link", on="/login").location == "/login"


def test_typing_mistakes_with_a_genuine_link_cost_no_limit(elsewhere: Visitor, token: str) -> None:
    elsewhere.open(f"/verify-email?token={token}")
    for _ in range(12):
        told = elsewhere.send("/verify-email/new-password", password="password1", confirm_password="another")
        assert told.status_code == 400
        assert "attackers try first" in words(told)
        assert "Passwords do not match." in words(told)

    chosen = {"password": "seven brown kettles", "confirm_password": "seven brown kettles"}
    assert elsewhere.send("/verify-email/new-password", **chosen).location == "/login"
