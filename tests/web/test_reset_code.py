"""The code from the mail, typed in the browser that asked for it."""

import re
from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from tests.conftest import ALICE, NEW_PASSWORD, events, on_one_database, token_in
from tests.web.conftest import Visitor, words

pytestmark = on_one_database

Delivered = Callable[[], list[Mail]]

WRONG = "AAAA-AAAA"


def code_in(mail: Mail) -> str:
    match = re.search(r"^[2-9A-Z]{4}-[2-9A-Z]{4}$", mail.text, re.MULTILINE)
    assert match, mail.text
    assert match[0] in mail.html
    return match[0]


def type_code(visitor: Visitor, code: str) -> TestResponse:
    return visitor.send("/check-email/code", on="/check-email", code=code)


@pytest.fixture
def code(visitor: Visitor, alice: User, delivered: Delivered) -> str:
    """The code of the mail that `visitor` has asked for."""
    visitor.send("/forgot-password", email=ALICE)
    return code_in(delivered()[0])


def test_the_code_leads_to_the_new_password(visitor: Visitor, code: str) -> None:
    assert type_code(visitor, code.lower().replace("-", " ")).location == "/reset-password"

    done = visitor.send("/reset-password", password=NEW_PASSWORD, confirm_password=NEW_PASSWORD)

    assert done.location == "/reset-password/done"
    assert visitor.sign_in(password=NEW_PASSWORD).location == "/"


def test_the_page_offers_a_field_that_fills_itself(visitor: Visitor, code: str) -> None:
    field = re.search(r'<input id="code"[^>]*>', visitor.open("/check-email").text)

    assert field
    assert 'autocomplete="one-time-code"' in field[0]
    assert "maxlength" not in field[0]


def test_in_another_browser_it_is_worth_nothing(visitor: Visitor, elsewhere: Visitor, code: str) -> None:
    elsewhere.send("/forgot-password", email=ALICE)

    refused = type_code(elsewhere, code)

    assert (refused.status_code, "This is not the code of the newest mail" in words(refused)) == (400, True)
    assert type_code(visitor, code).location == "/reset-password"


@pytest.mark.parametrize("email", [ALICE, "nobody@example.com"])
def test_a_wrong_code_is_answered_alike_with_an_account_and_without(visitor: Visitor, alice: User, email: str) -> None:
    visitor.send("/forgot-password", email=email)

    refused = type_code(visitor, WRONG)

    assert (refused.status_code, "This is not the code of the newest mail" in words(refused)) == (400, True)
    assert email in words(refused)
    assert events("password_reset.refused") == ["invalid_token"]


def test_after_five_wrong_ones_the_link_still_works(visitor: Visitor, alice: User, delivered: Delivered) -> None:
    visitor.send("/forgot-password", email=ALICE)
    (mail,) = delivered()
    for _ in range(5):
        assert type_code(visitor, WRONG).status_code == 400

    assert type_code(visitor, code_in(mail)).status_code == 400
    assert "Choose a new password" in words(visitor.open(f"/reset-password?token={token_in(mail)}"))


def test_an_empty_field_costs_nothing(visitor: Visitor, code: str) -> None:
    for _ in range(11):
        assert "Enter the code from the mail." in words(type_code(visitor, ""))
    assert type_code(visitor, code).location == "/reset-password"


def test_sent_again_the_code_of_the_newest_mail_counts(visitor: Visitor, code: str, delivered: Delivered) -> None:
    visitor.send("/forgot-password", email=ALICE)
    newest = code_in(delivered()[0])

    assert type_code(visitor, code).status_code == 400
    assert type_code(visitor, newest).location == "/reset-password"


def test_who_asked_for_nothing_is_led_to_ask(visitor: Visitor, alice: User) -> None:
    assert visitor.send("/check-email/code", on="/forgot-password", code=WRONG).location == "/forgot-password"
