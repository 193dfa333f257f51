"""Having an account, in a real browser: registering, confirming, signing in and out, other places, the keyboard."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import NEW_PASSWORD, PASSWORD, Person

pytestmark = pytest.mark.browser
OpenBrowser = Callable[..., Page]
NewPerson = Callable[[Page], Person]


def test_alice_confirms_her_address(alice: Person) -> None:
    alice.register()
    expect(alice.page.locator("main")).to_contain_text("Please confirm your address.")

    alice.page.goto(alice.link("Confirm your address"))
    alice.page.get_by_role("button", name="Yes, confirm it").click()

    expect(alice.page.get_by_role("status").first).to_contain_text("Your email address is confirmed.")


def test_changing_the_password_signs_out_other_places(alice: Person, open_browser: OpenBrowser) -> None:
    alice.register()
    there = Person(open_browser(), alice.email, alice.site)
    there.sign_in()
    alice.page.goto("/")
    alice.page.get_by_role("main").get_by_role("link", name="Change password").click()

    alice.send(current_password=PASSWORD, new_password=NEW_PASSWORD)

    expect(alice.page.get_by_role("status").first).to_contain_text("Signed out in 1 other place.")
    there.page.goto("/change-password")
    expect(there.page.locator("h1")).to_have_text("Sign in")
    there.send(email=alice.email, password=NEW_PASSWORD)
    expect(there.page.locator("h1")).to_have_text("Change your password")


def test_one_other_place_is_signed_out(alice: Person, open_browser: OpenBrowser) -> None:
    alice.register()
    there = Person(open_browser(), alice.email, alice.site)
    there.sign_in()
    alice.page.goto("/")

    alice.page.get_by_role("button", name="Sign out there").click()

    expect(alice.page.get_by_role("status").first).to_have_text("Signed out there.")
    there.page.reload()
    expect(there.page.locator("h1")).to_have_text("Your Chirpworks account")


def test_back_after_signing_out_shows_nothing_private(alice: Person) -> None:
    alice.register()
    alice.sign_out()

    alice.page.go_back()

    expect(alice.page.locator("h1")).to_have_text("Your Chirpworks account")
    assert alice.email not in alice.page.content()


def test_a_page_open_for_too_long_keeps_what_was_typed(alice: Person) -> None:
    alice.page.goto("/register")
    alice.page.context.clear_cookies()

    alice.send(first_name="Alice", email=alice.email, password=PASSWORD)

    expect(alice.page.get_by_role("alert")).to_contain_text("Your browser did not keep our cookie")
    expect(alice.page.locator("#email")).to_have_value(alice.email)
    alice.send(password=PASSWORD)
    expect(alice.page.locator("h1")).to_have_text("Check your email")


def test_a_double_click_opens_one_account(open_browser: OpenBrowser, person: NewPerson) -> None:
    alice = person(open_browser())
    alice.page.goto("/register")
    alice.page.fill("#email", alice.email)
    alice.page.fill("#password", PASSWORD)

    alice.page.get_by_role("button", name="Create account").dblclick(no_wait_after=True)

    expect(alice.page.locator("h1")).to_have_text("Check your email")
    alice.page.goto("/")
    expect(alice.page.locator("h1")).to_contain_text("Hello, alice")


def test_the_keyboard_is_enough(alice: Person) -> None:
    page = alice.page
    alice.register()
    alice.sign_out()
    page.goto("/login")
    expect(page.locator("#email, #password").first).to_be_visible()

    page.focus("#email")
    page.keyboard.type(alice.email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Hello, Alice")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
