"""Opening a link and choosing a new password in a browser."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine

from chirp_auth.accounts import registration
from chirp_auth.accounts.registration import Applicant
from chirp_auth.admin import invitations
from chirp_auth.clock import now
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT, events, token_in
from tests.web.conftest import Visitor, value_of, words

Delivered = Callable[[], list[Mail]]
FORM = {"password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}


@pytest.fixture
def token(visitor: Visitor, alice: User, delivered: Delivered) -> str:
    """The token of a link that Alice has just been sent."""
    visitor.send("/forgot-password", email=ALICE)
    return token_in(delivered()[0])


def test_the_token_leaves_the_address_at_once(visitor: Visitor, token: str) -> None:
    answer = visitor.client.get(f"/reset-password?token={token}")

    assert (answer.status_code, answer.location) == (303, "/reset-password")
    page = visitor.open("/reset-password")
    assert token not in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert f'value="{ALICE}" autocomplete="username"' in page.text


def test_looking_at_a_link_changes_nothing(visitor: Visitor, elsewhere: Visitor, token: str) -> None:
    for _ in range(2):
        elsewhere.client.head(f"/reset-password?token={token}", follow_redirects=True)
        elsewhere.open(f"/reset-password?token={token}")

    visitor.open(f"/reset-password?token={token}")
    assert visitor.send("/reset-password", **FORM).location == "/reset-password/done"


def test_success_says_when_and_where_alice_was_signed_out(visitor: Visitor, elsewhere: Visitor, token: str) -> None:
    elsewhere.sign_in()
    visitor.open(f"/reset-password?token={token}")

    visitor.send("/reset-password", **FORM)

    told = words(visitor.open("/reset-password/done"))
    assert "signed you out in 1 place: Chrome on Android." in told
    assert "UTC" in told
    assert "Sign in" in words(elsewhere.open("/change-password"))  # and so it is
    assert value_of(visitor.open("/login"), "email") == ALICE
    assert visitor.sign_in(password=NEW_PASSWORD).location == "/"


def test_a_second_tab_hears_that_it_is_done(visitor: Visitor, token: str) -> None:
    visitor.open(f"/reset-password?token={token}")
    visitor.send("/reset-password", **FORM)

    other = {"password": PASSWORD, "confirm_password": PASSWORD}
    answer = visitor.client.post("/reset-password", data={"csrf_token": "any", **other}, follow_redirects=True)

    assert answer.status_code == 200
    assert "Your password is changed" in words(answer)
    assert visitor.sign_in(password=NEW_PASSWORD).location == "/"


def test_another_browser_hears_that_it_is_already_done(visitor: Visitor, elsewhere: Visitor, token: str) -> None:
    elsewhere.open(f"/reset-password?token={token}")
    visitor.open(f"/reset-password?token={token}")
    visitor.send("/reset-password", **FORM)

    elsewhere.client.post("/reset-password", data=FORM)

    told = words(elsewhere.open("/reset-password/done"))
    assert "Your password is already changed" in told
    assert ALICE not in told


def test_a_weak_password_is_refused_with_a_reason_and_the_link_stays_good(visitor: Visitor, token: str) -> None:
    visitor.open(f"/reset-password?token={token}")

    answer = visitor.send("/reset-password", password="password1", confirm_password="password1")

    assert answer.status_code == 400
    assert "attackers try first" in words(answer)
    assert "password1" not in answer.text
    assert visitor.send("/reset-password", **FORM).status_code == 303


def test_two_different_passwords_are_refused(visitor: Visitor, token: str) -> None:
    visitor.open(f"/reset-password?token={token}")

    answer = visitor.send("/reset-password", password=NEW_PASSWORD, confirm_password=PASSWORD)

    assert (answer.status_code, "Passwords do not match." in words(answer)) == (400, True)


def test_a_page_open_past_the_expiry_offers_a_new_link(visitor: Visitor, token: str, delivered: Delivered) -> None:
    visitor.open(f"/reset-password?token={token}")

    with time_machine.travel(now() + timedelta(hours=2)):
        answer = visitor.client.post("/reset-password", data=FORM)
        assert answer.status_code == 410
        assert "This link for a new password has expired" in words(answer)
        visitor.send("/reset-password/new-link", on="/reset-password")
        assert ALICE in words(visitor.open("/check-email"))
        assert token_in(delivered()[0]) != token


def test_a_used_link_says_so(visitor: Visitor, token: str) -> None:
    visitor.open(f"/reset-password?token={token}")
    visitor.send("/reset-password", **FORM)

    page = visitor.open(f"/reset-password?token={token}")

    assert (page.status_code, "already been used" in words(page)) == (410, True)


def test_a_replaced_link_says_so(visitor: Visitor, token: str, delivered: Delivered) -> None:
    visitor.send("/forgot-password", email=ALICE)
    delivered()

    page = visitor.open(f"/reset-password?token={token}")

    assert (page.status_code, "There is a newer link for a new password" in words(page)) == (410, True)


@pytest.mark.parametrize("junk", ["", "x", "..", "%00", "%F0%9F%90%A6", "a" * 5000, "%2e%2e/%2e%2e"])
def test_an_unknown_link_explains_what_may_have_happened(visitor: Visitor, junk: str) -> None:
    page = visitor.open(f"/reset-password?token={junk}")

    assert (page.status_code, "copy the whole line" in words(page)) == (404, True)


@pytest.mark.parametrize("broken", ["{}.", "<{}>", "3D{}", "{}%22)", "{}%0D%0A", "{};", "%20{}%20"])
def test_what_mail_programs_add_to_a_link_is_taken_off(visitor: Visitor, token: str, broken: str) -> None:
    page = visitor.open(f"/reset-password?token={broken.format(token)}")

    assert (page.status_code, "Choose a new password" in words(page)) == (200, True)


def test_a_link_wrapped_in_two_is_put_together(visitor: Visitor, token: str) -> None:
    page = visitor.open(f"/reset-password?token={token[:40]}=%0D%0A{token[40:]}")

    assert page.status_code == 200


def test_a_link_cut_short_is_not_recognised(visitor: Visitor, token: str) -> None:
    assert visitor.open(f"/reset-password?token={token[:-4]}").status_code == 404


def test_guesses_at_links_are_limited_before_any_link_is_looked_up(visitor: Visitor, token: str) -> None:
    for _ in range(10):
        visitor.open(f"/reset-password?token={token}x")
        assert visitor.send("/reset-password", on="/login", **FORM).status_code == 404

    visitor.open(f"/reset-password?token={token}")
    answer = visitor.send("/reset-password", **FORM)

    assert answer.status_code == 429
    assert 3540 < int(answer.headers["Retry-After"]) <= 3600
    assert "Please try again in 1 hour" in words(answer)


@pytest.mark.parametrize(
    "typed",
    [
        {"password": "password1", "confirm_password": "password1"},
        {"password": NEW_PASSWORD, "confirm_password": "a slip"},
        {"password": NEW_PASSWORD},
    ],
)
def test_typing_mistakes_with_a_genuine_link_cost_no_limit(visitor: Visitor, token: str, typed: dict[str, str]) -> None:
    visitor.open(f"/reset-password?token={token}")
    for _ in range(12):
        assert visitor.send("/reset-password", **typed).status_code == 400

    assert len(events("password_reset.refused")) <= 1, "nor a row each"
    assert visitor.send("/reset-password", **FORM).status_code == 303


def test_trying_out_which_password_is_the_present_one_costs_the_limit(visitor: Visitor, token: str) -> None:
    visitor.open(f"/reset-password?token={token}")
    present = {"password": PASSWORD, "confirm_password": PASSWORD}

    assert [visitor.send("/reset-password", **present).status_code for _ in range(11)] == [400] * 10 + [429]


def test_what_is_wrong_with_a_new_password_is_said_at_once(visitor: Visitor, token: str) -> None:
    visitor.open(f"/reset-password?token={token}")

    for typed in ({"confirm_password": "another"}, {"confirm_password": ""}):
        told = words(visitor.send("/reset-password", password="password1", **typed))
        assert "attackers try first" in told
        assert ("Passwords do not match." in told) != ("Type the new password again." in told)


@pytest.mark.settings(mobile_deep_link="movr://reset-password")
def test_the_page_opens_the_app(visitor: Visitor, token: str) -> None:
    page = visitor.open(f"/reset-password?token={token}&scheme=evil://")

    assert f'href="movr://reset-password?token={token}">Open in the app</a>' in page.text


def test_without_an_app_nothing_is_offered(visitor: Visitor, token: str) -> None:
    assert "Open in the app" not in visitor.open(f"/reset-password?token={token}").text


def test_the_success_page_without_a_success_leads_to_signing_in(visitor: Visitor) -> None:
    assert visitor.client.get("/reset-password/done").location == "/login"


@pytest.fixture
def bob_is_here(visitor: Visitor, app: Application) -> str:
    """Bob is signed in in the browser in which Alice opens her link; return his address."""
    registration.create(Applicant("bob@example.com", PASSWORD), TEST_CLIENT)
    visitor.sign_in("bob@example.com")
    return "bob@example.com"


def test_a_link_opened_where_somebody_else_is_signed_in_says_so_and_signs_them_out(
    visitor: Visitor, token: str, bob_is_here: str
) -> None:
    shown = words(visitor.open(f"/reset-password?token={token}"))
    assert f"For your account {ALICE}" in shown
    assert f"{bob_is_here} is signed in here, and this link is not for that account." in shown

    answer = visitor.send("/reset-password/sign-out", on="/reset-password")

    assert answer.location == "/reset-password", "on with the link"
    shown = words(visitor.open("/reset-password"))
    assert f"For your account {ALICE}" in shown
    assert bob_is_here not in shown
    assert bob_is_here not in words(visitor.open("/"))


def test_after_the_reset_the_page_is_about_the_owner_and_leads_to_the_owners_sign_in(
    visitor: Visitor, token: str, bob_is_here: str
) -> None:
    visitor.open(f"/reset-password?token={token}")
    visitor.send("/reset-password", **FORM)

    shown = words(visitor.open("/reset-password/done"))
    assert f"You can now sign in to {ALICE} with the new one." in shown
    assert f"{bob_is_here} is still signed in here." in shown

    assert visitor.send("/reset-password/sign-out", on="/reset-password/done").location == "/login"
    page = visitor.open("/login")
    assert value_of(page, "email") == ALICE
    assert visitor.sign_in(ALICE, NEW_PASSWORD).status_code == 303
    assert ALICE in words(visitor.open("/"))


def test_nobody_can_sign_somebody_out_from_another_page(visitor: Visitor, bob_is_here: str) -> None:
    assert visitor.client.post("/reset-password/sign-out").status_code == 400
    assert bob_is_here in words(visitor.open("/"))


def test_alice_who_is_signed_in_herself_is_asked_nothing(visitor: Visitor, token: str) -> None:
    visitor.sign_in()

    assert "Sign that account out" not in words(visitor.open(f"/reset-password?token={token}"))
    visitor.send("/reset-password", **FORM)
    assert "still signed in" not in words(visitor.open("/reset-password/done"))


def test_whoever_was_invited_never_reads_of_a_reset(visitor: Visitor, app: Application, delivered: Delivered) -> None:
    invitations.invite("carol@example.com", None, None, None, TEST_CLIENT)
    invited = delivered()[0]
    form = visitor.open(f"/reset-password?token={token_in(invited)}")
    visitor.send("/reset-password", **FORM)
    done, chosen = visitor.open("/reset-password/done"), delivered()[0]

    assert chosen.subject == "Your password for Chirpworks is set"
    read = [words(form), words(done), invited.subject, chosen.subject]
    read += [re.sub(r"https?://\S+", "", part) for mail in (invited, chosen) for part in (mail.text, mail.html)]
    for page in read:
        assert not re.search(r"reset|you did not request|changed", page, re.IGNORECASE)
