"""Signing in and out in a browser."""

import pytest

from chirp_auth.models import User
from tests.conftest import ALICE, MALLORY, PASSWORD
from tests.support.visitor import csrf_token, press
from tests.web.conftest import Visitor, value_of, words


def test_alice_signs_in_and_gets_where_she_wanted(visitor: Visitor, alice: User) -> None:
    assert visitor.client.get("/change-password").location == "/login"

    assert visitor.sign_in().location == "/change-password"
    assert "Hello, Alice Archer" in words(visitor.open("/"))


def test_a_failure_empties_the_password_alone(visitor: Visitor, alice: User) -> None:
    answer = visitor.sign_in(password="wrong horse")

    assert answer.status_code == 401
    assert value_of(answer, "email") == ALICE
    assert "wrong horse" not in answer.text


def test_wrong_user_and_wrong_password_read_the_same(visitor: Visitor, elsewhere: Visitor, alice: User) -> None:
    known, unknown = visitor.sign_in(password="wrong"), elsewhere.sign_in(MALLORY, "wrong")

    assert known.status_code == unknown.status_code == 401
    assert words(known) == words(unknown)


def test_the_cookie_is_fresh_and_out_of_reach_for_scripts(visitor: Visitor, alice: User) -> None:
    cookie = visitor.sign_in().headers["Set-Cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_signing_out_shows_so_and_nothing_private_is_left(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    private = visitor.open("/")

    answer = visitor.send("/logout", on="/")

    assert (answer.status_code, answer.location) == (303, "/signed-out")
    assert "You are signed out" in words(visitor.open("/signed-out"))
    assert private.headers["Cache-Control"] == "no-store"
    assert ALICE not in visitor.open("/").text


def test_signing_out_in_a_second_tab_is_no_error(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    visitor.send("/logout", on="/")

    assert visitor.client.post("/logout", data={"csrf_token": "of the old page"}).location == "/signed-out"


def test_nobody_else_can_sign_alice_out(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()

    assert visitor.client.post("/logout").status_code == 400
    assert "Hello, Alice Archer" in words(visitor.open("/"))


@pytest.mark.parametrize("fields", [{}, {"email": ALICE}, {"password": PASSWORD}, {"email": ALICE, "password": "\0"}])
def test_half_a_form_is_refused_in_words(visitor: Visitor, fields: dict[str, str]) -> None:
    answer = visitor.send("/login", **fields)

    assert (answer.status_code, "There is a problem" in words(answer)) == (400, True)


@pytest.mark.settings(conceal_accounts=True)
def test_an_unconfirmed_address_can_ask_for_another_link(visitor: Visitor, alice: User) -> None:
    fields = {"email": MALLORY, "password": "nine slow otters walk"}
    visitor.send("/register", **fields)

    answer = visitor.send("/login", **fields)

    assert (answer.status_code, "Send me a new link" in words(answer)) == (401, True)


def test_a_failed_sign_in_offers_a_reset_for_this_address(visitor: Visitor) -> None:
    answer = visitor.sign_in(MALLORY, "wrong")

    assert "That email address and password do not match." in words(answer)
    assert "we pause" not in words(answer)
    token = csrf_token(answer.text)
    assert f'<input type="hidden" name="email" value="{MALLORY}">' in answer.text
    asked = visitor.client.post("/forgot-password", data={"csrf_token": token, "email": MALLORY})
    assert asked.location == "/check-email"


def test_from_the_fifth_failure_everybody_is_told_of_the_pause(
    visitor: Visitor, elsewhere: Visitor, alice: User
) -> None:
    known = [words(visitor.sign_in(password=f"wrong {n}")) for n in range(6)]
    unknown = [words(elsewhere.sign_in(MALLORY, f"wrong {n}")) for n in range(6)]

    assert known == unknown
    pause = (
        "After several tries we pause for up to 15 minutes, even for the right password. A reset lets you in at once."
    )
    assert [pause in told for told in known] == [False] * 4 + [True] * 2


def test_a_session_that_ended_meanwhile_is_told_and_leads_back(
    visitor: Visitor, elsewhere: Visitor, alice: User
) -> None:
    visitor.sign_in()
    elsewhere.sign_in()
    elsewhere.send("/sessions/end-others", on="/")

    told = words(visitor.open("/change-password"))

    assert "You were signed out. Sign in to go on." in told
    assert visitor.sign_in().location == "/change-password"


def test_the_start_page_tells_once_that_the_session_has_ended(
    visitor: Visitor, elsewhere: Visitor, alice: User
) -> None:
    visitor.sign_in()
    visitor.open("/")
    elsewhere.sign_in()
    elsewhere.send("/sessions/end-others", on="/")

    assert words(visitor.open("/")).startswith("You were signed out. Sign in to go on. Your Chirpworks account")
    assert "You were signed out" not in words(visitor.open("/"))
    assert visitor.sign_in().location == "/"


@pytest.mark.parametrize(
    ("page", "button", "leads_back_to"),
    [
        ("/", "/sessions/end-others", "/"),
        ("/", "/sessions/00000000-0000-0000-0000-000000000000/end", "/"),
        ("/activity/not-me", "/activity/not-me", "/activity/not-me"),
    ],
)
def test_a_button_of_the_account_on_a_page_from_before_the_sign_out_leads_to_the_sign_in(
    visitor: Visitor, alice: User, page: str, button: str, leads_back_to: str
) -> None:
    visitor.sign_in()
    open_in_a_tab = visitor.open(page).text
    visitor.send("/logout", on="/")  # In another one: the token of the first is worth nothing any more.

    assert press(visitor.client, button, open_in_a_tab).location == "/login"
    assert "You were signed out. Sign in to go on." in words(visitor.open("/login"))
    assert visitor.sign_in().location == leads_back_to


@pytest.mark.parametrize("path", ["/", "/change-password"])
def test_whoever_never_signed_in_was_not_signed_out(visitor: Visitor, path: str) -> None:
    assert "You were signed out" not in words(visitor.open(path))


def test_whoever_signed_out_is_not_told_so_again(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    visitor.send("/logout", on="/")

    assert "You were signed out" not in words(visitor.open("/"))
