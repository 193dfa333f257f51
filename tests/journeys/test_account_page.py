"""The account page in a real browser: details, activity, a download, a deletion and its undo; each page under axe."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import NEW_PASSWORD, PASSWORD, Person
from tests.journeys.test_accessibility import assert_is_accessible

pytestmark = pytest.mark.browser
OpenBrowser = Callable[..., Page]
NewPerson = Callable[[Page], Person]

MAX_PAGE_BYTES = 60_000


@pytest.fixture
def confirmed(alice: Person) -> Person:
    """Alice, with an account and a confirmed address, on her account page; with script and then without."""
    alice.register()
    alice.page.goto(alice.link("Confirm your address"))
    alice.page.get_by_role("button", name="Yes, confirm it").click()
    alice.page.goto("/")
    return alice


def go(person: Person, name: str, title: str) -> None:
    """Follow a link of the page and wait for the next page's title."""
    person.page.get_by_role("main").get_by_role("link", name=name, exact=True).first.click()
    expect(person.page.locator("h1")).to_have_text(title)


def test_alice_looks_after_her_account_and_leaves_and_comes_back(confirmed: Person) -> None:
    page = confirmed.page
    go(confirmed, "Change details", "Your details")
    confirmed.send(first_name="Alicia", phone_number="nobody")
    expect(page.get_by_role("alert")).to_contain_text("That is not a phone number.")
    confirmed.send(phone_number="+91 98765 43210")
    expect(page.get_by_role("status").first).to_have_text("Your details are saved.")
    expect(page.locator("h1")).to_have_text("Hello, Alicia")

    go(confirmed, "Download your data", "Download your data")
    for _ in range(2):  # The page stays, and may be asked again.
        with page.expect_download() as downloading:
            confirmed.send(password=PASSWORD)
    assert downloading.value.suggested_filename == "account-data.json"
    assert json.loads(Path(downloading.value.path()).read_text())["account"]["email"] == confirmed.email

    page.goto("/")
    go(confirmed, "Delete your account", "Delete your account")
    confirmed.send(password="wrong")
    expect(page.get_by_role("alert")).to_contain_text("That is not your password.")
    confirmed.send(password=PASSWORD)
    expect(page.locator("h1")).to_have_text("Your account is closed")
    confirmed.sign_in()
    expect(page.locator("h1")).to_have_text("Sign in")
    page.goto(confirmed.link("account will be deleted"))
    page.get_by_role("button", name="Keep my account").click()
    expect(page.locator("h1")).to_have_text("Your account stays")
    confirmed.sign_in()
    expect(page.locator("h1")).to_have_text("Hello, Alicia")


def test_this_was_not_me_shuts_everybody_out(confirmed: Person) -> None:
    go(confirmed, "See what happened", "Your activity")
    expect(confirmed.page.locator("main")).to_contain_text("The email address was confirmed.")
    go(confirmed, "This was not me", "Was this not you?")

    confirmed.page.get_by_role("button", name="Shut everybody out").click()

    expect(confirmed.page.locator("h1")).to_have_text("Everybody is signed out")
    confirmed.page.goto(confirmed.link("Password reset for"))
    confirmed.send(password=NEW_PASSWORD)
    confirmed.sign_in(NEW_PASSWORD)
    expect(confirmed.page.locator("h1")).to_have_text("Hello, Alice")


def test_keep_me_signed_in_outlives_the_browser(open_browser: OpenBrowser, person: NewPerson) -> None:
    alice = person(open_browser())
    page = alice.page
    alice.register()

    def expiry() -> float:
        (cookie,) = [cookie for cookie in page.context.cookies() if cookie["name"] == "session"]
        return cookie["expires"]

    assert expiry() == -1, "a registration ends with the browser"
    alice.sign_out()
    page.goto("/login")
    page.get_by_label("Keep me signed in").check()
    alice.send(email=alice.email, password=PASSWORD)
    expect(page.locator("h1")).to_have_text("Hello, Alice")
    assert expiry() > 0


def test_the_keyboard_reaches_every_action(open_browser: OpenBrowser, person: NewPerson) -> None:
    alice = person(open_browser())
    alice.register()
    wanted = {"Change address", "Change password", "See what happened", "Change details", "Download your data"}
    wanted |= {"Delete your account", "Send it again"}
    reached = set()
    for _ in range(30):
        alice.page.keyboard.press("Tab")
        reached.add(alice.page.evaluate("document.activeElement.textContent.trim()"))

    assert wanted <= reached


def test_each_page_is_accessible_narrow_and_light(open_browser: OpenBrowser, person: NewPerson) -> None:
    page = open_browser(reduced_motion="reduce")
    alice = person(page)
    alice.register()
    there = Person(open_browser(), alice.email, alice.site)
    there.sign_in()
    for path in ("/", "/profile", "/activity", "/activity/not-me", "/download-data", "/delete-account"):
        page.goto(path)
        assert_is_accessible(page)
        assert len(page.content()) < MAX_PAGE_BYTES
    page.goto(alice.link("Confirm your address"))
    page.get_by_role("button", name="Yes, confirm it").click()
    for path in ("/", "/activity", "/activity/not-me", "/delete-account"):
        page.goto(path)
        assert_is_accessible(page)
    page.goto("/profile")
    alice.send(phone_number="nobody")
    assert_is_accessible(page)
    page.goto("/delete-account")
    alice.send(password="wrong")
    assert_is_accessible(page)
    alice.send(password=PASSWORD)
    assert_is_accessible(page)
    link = alice.link("account will be deleted")
    page.goto(link)
    assert_is_accessible(page)
    page.get_by_role("button", name="Keep my account").click()
    assert_is_accessible(page)
    page.goto(link)
    assert_is_accessible(page)
    page.goto("/login")
    assert_is_accessible(page)
