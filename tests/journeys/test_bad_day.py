"""What a person in trouble meets, in a real browser: with script and without, at 320 px, under axe, by keyboard."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response, expect

from tests.journeys.conftest import NEW_PASSWORD, PASSWORD, Person
from tests.journeys.test_accessibility import assert_is_accessible

pytestmark = pytest.mark.browser
OpenBrowser = Callable[..., Page]
Look = Callable[[Page, str], None]


@pytest.fixture(autouse=True)
def own_host_alone(alice: Person) -> None:
    """No page asks another host for anything."""

    def check(response: Response) -> None:
        assert response.url.startswith((alice.site.base_url, "about:", "data:")), response.url

    alice.page.on("response", check)


@pytest.fixture
def look(request: pytest.FixtureRequest) -> Look:
    """Check a page, where axe has the script that it needs; with LOOK=FOLDER in the environment keep pictures too."""

    def check(page: Page, name: str) -> None:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} scrolls sideways"
        if "[no-script]" in request.node.name:
            return
        assert_is_accessible(page)
        for scheme in ("dark", "light") if "LOOK" in os.environ else ():
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=Path(os.environ["LOOK"], f"{name}-{scheme}.png"), full_page=True)

    return check


def test_a_slip_is_asked_about_and_each_answer_is_kept(alice: Person, look: Look) -> None:
    page = alice.page
    page.goto("/forgot-password")
    alice.send(email="alice@gmial.com")
    expect(page.get_by_role("button", name="Yes, use that")).to_be_focused()
    look(page, "slip")

    page.keyboard.press("Enter")
    expect(page.locator("main .address").first).to_have_text("alice@gmail.com")
    look(page, "check-email")

    page.get_by_role("link", name="Change it").click()
    alice.send(email="alice@gmial.com")
    page.get_by_role("button", name="No, keep alice@gmial.com").click()
    expect(page.locator("main .address").first).to_have_text("alice@gmial.com")


def test_an_address_that_is_mended_by_hand_is_taken_as_it_stands(alice: Person) -> None:
    alice.page.goto("/forgot-password")
    alice.send(email="alice@gmial.com")
    alice.page.fill("#email", "alice@example.com")

    alice.page.press("#email", "Enter")

    expect(alice.page.locator("main .address").first).to_have_text("alice@example.com")


def test_a_registration_says_all_at_once_and_keeps_the_password(alice: Person, look: Look) -> None:
    page = alice.page
    page.goto("/register")
    alice.send(first_name="Alice", email="alice", phone_number="12", password=PASSWORD)

    expect(page.get_by_role("alert").get_by_role("link")).to_have_count(2)
    expect(page.get_by_text("Your password is fine")).to_be_visible()
    look(page, "registration-faults")
    alice.send(email=alice.email.replace("example.com", "gmial.com"), phone_number="")
    expect(page.get_by_text("Did you mean")).to_be_visible()
    look(page, "registration-slip")
    alice.send(email=alice.email)
    expect(page.locator("h1")).to_have_text("Check your email")
    look(page, "check-email-registration")
    page.get_by_role("link", name="Go on").click()
    alice.sign_out()
    alice.sign_in()
    expect(page.locator("h1")).to_have_text("Hello, Alice")


def test_a_taken_address_offers_two_ways_in(alice: Person, look: Look) -> None:
    alice.register()
    alice.sign_out()
    alice.page.goto("/register")
    alice.send(email=alice.email, password=NEW_PASSWORD)
    look(alice.page, "taken")

    alice.page.get_by_role("link", name="Reset your password").click()

    expect(alice.page.locator("#email")).to_have_value(alice.email)


def test_failed_sign_ins_lead_to_a_reset_by_one_button(alice: Person, look: Look) -> None:
    page = alice.page
    for n in range(5):
        alice.sign_in(f"wrong {n}")
        expect(page.get_by_role("alert")).to_contain_text("That email address and password do not match")
    expect(page.get_by_text("we pause for up to 15 minutes")).to_be_visible()
    look(page, "sign-in-paused")

    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Reset your password")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("h1")).to_have_text("Check your email")
    expect(page.locator("main")).to_contain_text(alice.email)


def test_a_browser_that_keeps_no_cookies_is_told_so(alice: Person, look: Look) -> None:
    page = alice.page
    page.goto("/login")
    page.context.clear_cookies()
    alice.send(email=alice.email, password=PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("Your browser did not keep our cookie")
    look(page, "cookies-blocked")

    page.context.clear_cookies()
    page.goto("/reset-password")
    expect(page.locator("h1")).to_have_text("Open the link from the mail on this device")
    look(page, "no-token")


def test_who_was_signed_out_meanwhile_goes_on_where_they_were(
    alice: Person, open_browser: OpenBrowser, look: Look
) -> None:
    alice.register()
    alice.page.goto("/change-password")
    there = Person(open_browser(), alice.email, alice.site)
    there.sign_in()
    there.page.get_by_role("button", name="Sign out everywhere else").click()
    expect(there.page.get_by_role("status").first).to_contain_text("Signed out in 1 other place.")

    alice.send(current_password=PASSWORD, new_password=NEW_PASSWORD)

    expect(alice.page.get_by_role("status").first).to_have_text("You were signed out. Sign in to go on.")
    look(alice.page, "signed-out-meanwhile")
    alice.send(password=PASSWORD)
    expect(alice.page.locator("h1")).to_have_text("Change your password")


def test_a_change_of_address_leads_to_the_same_page(alice: Person, look: Look) -> None:
    alice.register()
    alice.page.goto("/change-address")
    new = f"new-{alice.email}"

    alice.send(email=new, password=PASSWORD)

    expect(alice.page.locator("h1")).to_have_text("Check your email")
    look(alice.page, "check-email-address")
    alice.page.get_by_role("link", name="Change it").click()
    expect(alice.page.locator("#email")).to_have_value(new)


def test_after_three_mails_the_page_says_when_the_next_can_be_asked_for(alice: Person, look: Look) -> None:
    page = alice.page
    for _ in range(3):
        page.goto("/forgot-password")
        alice.send(email=alice.email)
    expect(page.get_by_text("You have asked for 3 mails in the last hour.")).to_be_visible()
    expect(page.get_by_text("You can ask for the next one at")).to_be_visible()
    expect(page.get_by_role("button", name="Send it again")).to_be_hidden()
    look(page, "check-email-spent")
