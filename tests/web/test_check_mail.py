"""The page after every journey that mails a link: whose it is, how the mail is sent again, what it promises."""

from collections.abc import Callable
from datetime import timedelta

import time_machine

from chirp_auth.clock import now
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from tests.conftest import ALICE, PASSWORD, on_one_database, token_in
from tests.web.conftest import Visitor, value_of, words

pytestmark = on_one_database

Delivered = Callable[[], list[Mail]]
NEW = "alice@new.example.com"


def ask_for_a_change(visitor: Visitor, **choice: str) -> None:
    visitor.sign_in(**choice)
    assert visitor.send("/change-address", email=NEW, password=PASSWORD).location == "/check-email"


def test_the_link_for_a_new_address_is_sent_again_without_the_password(
    visitor: Visitor, alice: User, delivered: Delivered
) -> None:
    ask_for_a_change(visitor)
    told = visitor.open("/check-email")
    assert f"If {NEW} can become your address" in words(told)
    assert value_of(visitor.open("/change-address"), "email") == NEW

    with time_machine.travel(now() + timedelta(minutes=2)):
        visitor.send("/check-email/again", on="/check-email")
        mails = [mail for mail in delivered() if mail.to == NEW]
        assert len(mails) == 2
        visitor.open(f"/confirm-address?token={token_in(mails[0])}")
        assert visitor.send("/confirm-address").location == "/login"


def test_a_change_of_address_that_is_over_is_asked_for_anew(visitor: Visitor, elsewhere: Visitor, alice: User) -> None:
    ask_for_a_change(visitor, keep="y")  # Else the session is over before the link is.
    with time_machine.travel(now() + timedelta(days=1, minutes=5)):
        assert visitor.send("/check-email/again", on="/check-email").location == "/change-address"


def test_the_page_of_a_change_is_for_whoever_is_signed_in(visitor: Visitor, elsewhere: Visitor, alice: User) -> None:
    ask_for_a_change(visitor)
    elsewhere.sign_in()
    elsewhere.send("/sessions/end-others", on="/")

    told = visitor.open("/check-email")
    assert "You were signed out. Sign in to go on." in words(told)
    assert NEW not in told.text
    assert visitor.send("/check-email/again", on="/login").location == "/login"
    assert visitor.sign_in().location == "/change-address"


def test_a_slip_in_a_new_address_is_asked_about_first(visitor: Visitor, alice: User, delivered: Delivered) -> None:
    visitor.sign_in()

    asked = visitor.send("/change-address", email="alice@gmial.com", password=PASSWORD)

    assert (asked.status_code, "Did you mean alice@gmail.com ?" in words(asked)) == (200, True)
    assert PASSWORD not in asked.text
    assert delivered() == []


def test_a_renewed_link_is_told_without_if(visitor: Visitor, alice: User, delivered: Delivered) -> None:
    visitor.send("/forgot-password", email=ALICE)
    token = token_in(delivered()[0])
    with time_machine.travel(now() + timedelta(hours=2)):
        visitor.open(f"/reset-password?token={token}")
        assert visitor.send("/reset-password/new-link", on="/reset-password").location == "/check-email"

        assert f"A new link to choose a password is on its way to {ALICE} ." in words(visitor.open("/check-email"))
