"""Opening an account in a browser."""

from base64 import urlsafe_b64decode
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine

from chirp_auth.clock import now
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from chirp_auth.security import sealing
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, on_one_database
from tests.support.visitor import press
from tests.web.conftest import Visitor, value_of, words

pytestmark = on_one_database

Delivered = Callable[[], list[Mail]]


def test_a_new_account_is_signed_in_and_gets_a_mail(visitor: Visitor, delivered: Delivered) -> None:
    assert visitor.send("/register", email=MALLORY, password=NEW_PASSWORD).location == "/check-email"
    told = visitor.open("/check-email")
    assert f"A mail is on its way to {MALLORY}" in words(told)
    assert '<a class="button button-primary" href="/">Go on</a>' in told.text

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
    with time_machine.travel(now(), tick=False):  # The pages say how many seconds are left.
        taken = visitor.send("/register", email=ALICE, password=NEW_PASSWORD)
        new = elsewhere.send("/register", email=MALLORY, password=NEW_PASSWORD)
        pages = [words(visitor.open("/check-email")), words(elsewhere.open("/check-email"))]

    assert (taken.status_code, taken.location) == (new.status_code, new.location) == (303, "/check-email")
    assert pages[0].replace(ALICE, "") == pages[1].replace(MALLORY, "")
    assert "Go on" not in pages[0]
    assert {mail.to: mail.subject for mail in delivered()} == {
        ALICE: "You already have a Chirpworks account",
        MALLORY: "Confirm your address for Chirpworks",
    }


def test_whoever_is_signed_in_has_an_account(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()

    assert visitor.client.get("/register").location == "/"


def test_all_that_is_wrong_is_said_at_once(visitor: Visitor, alice: User) -> None:
    told = visitor.send("/register", email=ALICE, first_name="x" * 300, phone_number="123", password="password1")

    assert told.status_code == 409
    for sentence in ("already exists", "name is too long", "not a phone number", "attackers try first"):
        assert sentence in words(told), sentence
    assert 'href="/login">Sign in</a> <a class="button" href="/forgot-password">Reset your password</a>' in told.text


def test_an_accepted_password_is_not_asked_for_again(visitor: Visitor) -> None:
    wrong = visitor.send("/register", email="mallory", phone_number="123", password=NEW_PASSWORD)
    assert "Your password is fine" in words(wrong)
    assert NEW_PASSWORD not in wrong.text
    still_wrong = press(visitor.client, "/register", wrong.text, email=MALLORY, phone_number="12")
    assert "Your password is fine" in words(still_wrong)

    done = press(visitor.client, "/register", still_wrong.text, email=MALLORY)

    assert done.location == "/check-email"
    visitor.send("/logout", on="/")
    assert visitor.sign_in(MALLORY, NEW_PASSWORD).location == "/"


def test_another_password_replaces_the_one_that_is_held(visitor: Visitor) -> None:
    wrong = visitor.send("/register", email="mallory", password=PASSWORD)
    press(visitor.client, "/register", wrong.text, email=MALLORY, password=NEW_PASSWORD)
    visitor.send("/logout", on="/")

    assert visitor.sign_in(MALLORY, PASSWORD).status_code == 401
    assert visitor.sign_in(MALLORY, NEW_PASSWORD).location == "/"


def test_the_cookie_shows_nothing_of_the_password_that_is_held(app: Application, visitor: Visitor) -> None:
    visitor.send("/register", email="mallory", password=NEW_PASSWORD)

    cookie = visitor.client.get_cookie("session")
    assert cookie
    held = app.session_interface.get_signing_serializer(app).loads(cookie.value)["held_password"]  # type: ignore[union-attr]  # there is one
    assert sealing.unseal(held["sealed"], "held password").startswith("$2b$")  # type: ignore[union-attr]  # it is ours
    assert b"$2b$" not in urlsafe_b64decode(held["sealed"])
    assert set(held) == {"sealed", "at"}


@pytest.mark.parametrize("forgotten_by", ["time", "opening the form anew"])
def test_a_held_password_is_soon_forgotten(visitor: Visitor, forgotten_by: str) -> None:
    wrong = visitor.send("/register", email="mallory", password=NEW_PASSWORD)
    later = timedelta(minutes=11 if forgotten_by == "time" else 1)
    with time_machine.travel(now() + later):
        page = wrong if forgotten_by == "time" else visitor.open("/register")
        answer = press(visitor.client, "/register", page.text, email=MALLORY)

    assert (answer.status_code, "Choose a password." in words(answer)) == (400, True)


def test_holding_passwords_has_its_limit_and_tells_no_error(visitor: Visitor) -> None:
    answers = [visitor.send("/register", email="mallory", password=NEW_PASSWORD) for _ in range(11)]

    assert {answer.status_code for answer in answers} == {400}
    assert ["Your password is fine" in words(answer) for answer in answers] == [True] * 10 + [False]


def test_a_slip_is_asked_about_before_the_account_is_opened(visitor: Visitor, delivered: Delivered) -> None:
    asked = visitor.send("/register", email="mallory@gmial.com", first_name="Mal", password=NEW_PASSWORD)
    assert (asked.status_code, "Did you mean mallory@gmail.com ?" in words(asked)) == (200, True)
    assert value_of(asked, "first_name") == "Mal"
    assert delivered() == []

    fields = {"email": "mallory@gmial.com", "first_name": "Mal", "confirmed_email": "mallory@gmail.com"}
    assert press(visitor.client, "/register", asked.text, **fields).location == "/check-email"

    assert [mail.to for mail in delivered()] == ["mallory@gmail.com"]
    assert "Hello, Mal" in words(visitor.open("/"))


def test_the_mail_is_sent_again_and_the_address_can_be_changed(visitor: Visitor, delivered: Delivered) -> None:
    visitor.send("/register", email=MALLORY, password=NEW_PASSWORD)
    with time_machine.travel(now() + timedelta(minutes=2)):
        assert visitor.send("/check-email/again", on="/check-email").location == "/check-email"
        assert 'Wrong address? <a href="/change-address">Change it</a>' in visitor.open("/check-email").text
        assert [mail.to for mail in delivered()] == [MALLORY] * 2


def test_registering_leads_on_to_the_page_that_was_wanted(visitor: Visitor) -> None:
    visitor.client.get("/change-password")
    visitor.send("/register", email=MALLORY, password=NEW_PASSWORD)

    assert 'href="/change-password">Go on</a>' in visitor.open("/check-email").text
