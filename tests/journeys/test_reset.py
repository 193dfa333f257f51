"""Forgetting a password and getting back in, in a real browser, with script and without."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import NEW_PASSWORD, Person

pytestmark = pytest.mark.browser
OpenBrowser = Callable[..., Page]


def path_of(page: Page) -> str:
    return urlsplit(page.url)._replace(scheme="", netloc="").geturl()


def test_alice_gets_back_in(alice: Person) -> None:
    page = alice.page
    alice.register()
    alice.sign_out()

    alice.sign_in("not the password")
    expect(page.get_by_role("alert")).to_contain_text("do not match")
    page.get_by_role("link", name="Forgot your password?").click()
    expect(page.locator("#email")).to_have_value(alice.email)
    alice.send()
    assert path_of(page) == "/check-email"
    expect(page.locator("main")).to_contain_text(alice.email)

    page.get_by_role("link", name="open the mailbox").click()
    page.get_by_role("link", name="Password reset for").first.click()
    expect(page.frame_locator("iframe").locator("h1")).to_contain_text("Reset the password")
    page.goto(alice.link("Password reset for"))
    assert path_of(page) == "/reset-password"
    expect(page.get_by_role("link", name="Open in the app")).to_have_attribute("href", re.compile("^movr://"))
    alice.send(password=NEW_PASSWORD)
    expect(page.locator("h1")).to_have_text("Your password is changed")

    page.get_by_role("main").get_by_role("link", name="Sign in").click()
    expect(page.locator("#email")).to_have_value(alice.email)
    expect(page.locator("#password")).to_be_focused()
    alice.send(password=NEW_PASSWORD)
    expect(page.locator("h1")).to_have_text("Hello, Alice")
    assert any("Password Reset Successful" in mail["subject"] for mail in alice.mails() if mail["to"] == alice.email)


def test_a_refused_password_is_told_and_the_error_has_the_focus(alice: Person) -> None:
    alice.register()
    alice.page.goto(alice.reset_link())

    alice.send(password="password1")

    expect(alice.page.get_by_role("alert")).to_be_focused()
    expect(alice.page).to_have_title(re.compile("^Error: Choose a new password"))
    expect(alice.page.locator("#password")).to_have_value("")
    expect(alice.page.locator("#password")).to_have_attribute("aria-invalid", "true")
    alice.page.get_by_role("alert").get_by_role("link").click()
    expect(alice.page.locator("#password")).to_be_focused()


def test_of_two_tabs_one_changes_the_password(alice: Person) -> None:
    alice.register()
    alice.page.goto(alice.reset_link())
    other = Person(alice.page.context.new_page(), alice.email, alice.site)
    other.page.goto("/reset-password")

    alice.send(password=NEW_PASSWORD)
    other.send(password="nine slow otters walk")

    expect(other.page.locator("h1")).to_have_text("Your password is changed")
    alice.sign_in(NEW_PASSWORD)
    expect(alice.page.locator("h1")).to_have_text("Hello, Alice")


def test_used_replaced_and_broken_links_help_on(alice: Person) -> None:
    page = alice.page
    alice.register()
    older = alice.reset_link()
    newer = alice.reset_link(but=older)

    page.goto(older)
    expect(page.locator("h1")).to_have_text("There is a newer link for a new password")
    page.goto(newer[:-3])
    expect(page.locator("h1")).to_have_text("We do not recognise this link for a new password")
    page.goto(f"{newer}.")
    alice.send(password=NEW_PASSWORD)
    page.goto(newer)
    expect(page.locator("h1")).to_have_text("This link for a new password has already been used")


def test_a_replaced_link_is_renewed_by_one_click(alice: Person) -> None:
    alice.register()
    older = alice.reset_link()
    newer = alice.reset_link(but=older)
    alice.page.goto(older)

    alice.page.get_by_role("button", name="Send me a new link").click()

    expect(alice.page.locator("h1")).to_have_text("Check your email")
    expect(alice.page.locator("main")).to_contain_text(alice.email)
    newest = next(mail for mail in iter(lambda: alice.mails()[0], None) if mail["links"][0] not in (older, newer))
    alice.page.goto(newest["links"][0])
    expect(alice.page.locator("h1")).to_have_text("Choose a new password")


def test_no_request_of_the_page_tells_the_token(open_browser: OpenBrowser, person: Callable[[Page], Person]) -> None:
    alice = person(open_browser())
    alice.register()
    link = alice.reset_link()
    told: list[str] = []
    alice.page.on("request", lambda request: told.append(f"{request.url} {request.headers.get('referer')}"))

    alice.page.goto(link)
    alice.page.reload()

    token = link.partition("token=")[2]
    assert [line for line in told if token in line] == told[:1]
    assert {urlsplit(line).netloc for line in told} == {urlsplit(alice.site.base_url).netloc}


def test_showing_the_password_is_undone_when_it_is_sent(
    open_browser: OpenBrowser, person: Callable[[Page], Person]
) -> None:
    alice = person(open_browser())
    alice.register()
    page = alice.page
    page.goto(alice.reset_link())
    expect(page.locator("#confirm_password")).to_be_hidden()
    button = page.get_by_role("button", name="Show new password")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44

    page.fill("#password", NEW_PASSWORD)
    button.click()
    expect(page.locator("#password")).to_have_attribute("type", "text")
    with page.expect_request(lambda request: request.method == "POST"):
        page.evaluate(
            "document.querySelector('form:has(#password)').addEventListener('submit', (e) => {"
            " window.name = document.querySelector('#password').type; })"
        )
        page.get_by_role("button", name="Save new password").click()
    expect(page.locator("h1")).to_have_text("Your password is changed")
    assert page.evaluate("window.name") == "password"


def test_resending_counts_down_with_script_and_is_answered_in_words_without(
    alice: Person, request: pytest.FixtureRequest
) -> None:
    page = alice.page
    page.goto("/forgot-password")
    alice.send(email=alice.email)
    button = page.get_by_role("button", name="Send it again")

    if "[script]" in request.node.name:
        expect(button).to_be_disabled()
        expect(page.locator("#resend-wait")).to_have_text(re.compile(r"You can ask again in 0:[0-5]\d\."))
    else:
        button.click()
        expect(page.get_by_role("status").first).to_contain_text("before you ask for another mail")
