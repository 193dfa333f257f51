"""Opening an account in a browser."""

from collections.abc import Callable

import pytest

from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD
from tests.web.conftest import Visitor, value_of, words

Delivered = Callable[[], list[Mail]]


def test_a_new_account_is_signed_in_and_gets_a_mail(visitor: Visitor, delivered: Delivered) -> None:
    assert visitor.send("/register", email=MALLORY, password=NEW_PASSWORD).location == "/"

    home = words(visitor.open("/"))
    assert "Hello, mallory" in home
    assert "Please confirm your address." in home
    assert [mail.to for mail in delivered()] == [MALLORY]


def test_what_was_typed_is_kept_but_the_password(visitor: Visitor) -> None:
    fields = {"first_name": '"><b>', "last_name": "O'Néill", "email": MALLORY, "phone_number": "123"}

    answer = visitor.send("/register", password="twelve brown owls", **fields)

    assert answer.status_code == 400
    assert {name: value_of(answer, name) for name in fields} == fields
    assert "twelve brown owls" not in answer.text


def test_a_taken_address_is_told_and_comes_along_to_the_sign_in(visitor: Visitor, alice: User) -> None:
    answer = visitor.send("/register", email=ALICE, password=NEW_PASSWORD)

    assert (answer.status_code, "already exists" in words(answer)) == (409, True)
    assert value_of(visitor.open("/login"), "email") == ALICE


@pytest.mark.settings(conceal_accounts=True)
def test_concealed_accounts_look_like_new_ones(
    visitor: Visitor, elsewhere: Visitor, alice: User, delivered: Delivered
) -> None:
    taken = visitor.send("/register", email=ALICE, password=NEW_PASSWORD)
    new = elsewhere.send("/register", email=MALLORY, password=NEW_PASSWORD)

    assert (taken.status_code, taken.location) == (new.status_code, new.location)
    pages = [words(visitor.open("/login")), words(elsewhere.open("/login"))]
    assert pages[0] == pages[1]
    assert {mail.to: mail.subject for mail in delivered()} == {
        ALICE: "You already have a Chirpworks account",
        MALLORY: "Confirm your address for Chirpworks",
    }


def test_whoever_is_signed_in_has_an_account(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()

    assert visitor.client.get("/register").location == "/"
