"""The field for a new password: what it says while somebody types, and before that."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Person
from tests.journeys.test_accessibility import assert_is_accessible

pytestmark = pytest.mark.browser
CAPS_LOCK = """([field, isOn]) => field.dispatchEvent(
    new KeyboardEvent("keydown", { key: "a", bubbles: true, modifierCapsLock: isOn }))"""


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_verdict_has_words_a_sign_and_three_steps(open_browser: Callable[..., Page], language: str) -> None:
    page = open_browser(locale=language, reduced_motion="reduce")
    page.goto("/register")
    verdict = page.locator("#password-strength")
    expect(verdict).to_have_text("")

    for password, strength, sign in (("password1", "easy", "✗"), ("zebra lamp", "okay", "✓"), ("x" * 80, "easy", "✗")):
        page.fill("#password", password)
        expect(verdict).to_contain_text(sign)
        expect(verdict).to_have_attribute("data-strength", strength)
    expect(verdict).to_contain_text("8 characters" if language == "en" else "8 Zeichen")
    page.fill("#password", "seven quiet herons")
    expect(verdict).to_have_text("✓✓ Strong." if language == "en" else "✓✓ Stark.")
    assert_is_accessible(page)

    page.fill("#password", "")
    expect(verdict).to_have_text("")


def test_caps_lock_is_told_beside_every_password(open_browser: Callable[..., Page]) -> None:
    page = open_browser()
    for path, field in (("/login", "#password"), ("/register", "#password")):
        page.goto(path)
        box = page.locator(field)
        hint = page.locator(".caps-lock")
        expect(hint).to_have_attribute("role", "status")
        expect(hint).to_be_hidden()

        page.evaluate(CAPS_LOCK, [box.element_handle(), True])
        expect(hint).to_have_text("Caps lock is on.")
        assert_is_accessible(page)
        page.evaluate(CAPS_LOCK, [box.element_handle(), False])
        expect(hint).to_be_hidden()


def test_without_script_the_form_says_it_once_it_is_sent(
    open_browser: Callable[..., Page], person: Callable[[Page], Person]
) -> None:
    visitor = person(open_browser(script=False))
    visitor.page.goto("/register")
    assert visitor.page.get_by_text("8 characters or more. Three unrelated words work well.").is_visible()

    visitor.send(email=visitor.email, password="é" * 40)

    expect(visitor.page.locator("#password-error")).to_contain_text("leave out 4 characters")
