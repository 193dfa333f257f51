"""The page of a reset that needs a second factor: it says so, and keeps what was typed where it may."""

from collections.abc import Callable

import pytest

from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from tests.conftest import ALICE, NEW_PASSWORD, on_one_database, token_in
from tests.support.factors import code_for, with_authenticator, wrong_code
from tests.web.conftest import Visitor, value_of, words

pytestmark = on_one_database

FORM = {"password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}


@pytest.fixture
def token(visitor: Visitor, alice: User, delivered: Callable[[], list[Mail]]) -> str:
    visitor.send("/forgot-password", email=ALICE)
    return token_in(delivered()[0])


def test_other_accounts_see_no_field(visitor: Visitor, token: str) -> None:
    assert "factor" not in visitor.open(f"/reset-password?token={token}").text


def test_the_page_says_so_from_the_start_and_takes_the_code(visitor: Visitor, alice: User, token: str) -> None:
    secret = with_authenticator(alice)

    page = visitor.open(f"/reset-password?token={token}")

    assert "This account asks for a second factor too" in words(page)
    assert 'autocomplete="one-time-code"' in page.text
    assert visitor.send("/reset-password", **FORM, factor=code_for(secret)).location == "/reset-password/done"


def test_each_mistake_is_said_beside_its_field(visitor: Visitor, alice: User, token: str) -> None:
    secret = with_authenticator(alice)
    visitor.open(f"/reset-password?token={token}")

    missing = visitor.send("/reset-password", **FORM)
    wrong = visitor.send("/reset-password", **FORM, factor=wrong_code(secret))
    code = code_for(secret)
    mismatch = visitor.send("/reset-password", password=NEW_PASSWORD, confirm_password="other", factor=code)

    assert (missing.status_code, wrong.status_code, mismatch.status_code) == (400, 401, 400)
    assert "Enter a code of your authenticator app, or a recovery code." in words(missing)
    assert "That code is not right, or was used already." in words(wrong)
    assert value_of(wrong, "factor") == ""
    assert value_of(mismatch, "factor") == code  # It is not spent, so it need not be typed again.
    assert not any(NEW_PASSWORD in answer.text for answer in (missing, wrong, mismatch))
    assert visitor.send("/reset-password", **FORM, factor=code).location == "/reset-password/done"


def test_a_wrong_code_costs_a_try_and_a_mistyped_password_does_not(visitor: Visitor, alice: User, token: str) -> None:
    secret = with_authenticator(alice)
    visitor.open(f"/reset-password?token={token}")

    for _ in range(12):
        visitor.send("/reset-password", password=NEW_PASSWORD, confirm_password="other", factor=code_for(secret))
        visitor.send("/reset-password", **FORM)
    answers = [visitor.send("/reset-password", **FORM, factor=wrong_code(secret)).status_code for _ in range(11)]

    assert answers == [*[401] * 10, 429]
