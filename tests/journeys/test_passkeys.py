"""Passkeys in Chromium, with its virtual authenticator: from adding one to signing in without a password."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.journeys.conftest import SETTINGS, Person
from tests.journeys.test_accessibility import assert_is_accessible
from tests.support import server
from tests.support.child import free_port

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Application]:
    """The application at a name: passkeys are for names, not for addresses such as 127.0.0.1."""
    port = free_port()
    settings = {**SETTINGS, "PORT": str(port), "PUBLIC_URL": f"http://localhost:{port}"}
    with server.application(settings, tmp_path_factory.mktemp("passkeys"), seconds=90) as running:
        running.base_url = f"http://localhost:{port}"
        yield running


class Device:
    """The virtual authenticator of a page (CDP, WebAuthn)."""

    def __init__(self, page: Page) -> None:
        self.cdp: CDPSession = page.context.new_cdp_session(page)
        self.cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        self.id = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def set_verified(self, verified: bool) -> None:
        self.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": verified})

    def set_present(self, present: bool) -> None:
        values = {"authenticatorId": self.id, "enabled": present}
        self.cdp.send("WebAuthn.setAutomaticPresenceSimulation", values)

    def passkeys(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})[
            "credentials"
        ]
        return found


@pytest.fixture
def alice(open_browser: Callable[..., Page], person: Callable[[Page], Person]) -> Person:
    return person(open_browser(reduced_motion="reduce"))


def sign_in_button(page: Page) -> Any:
    return page.get_by_role("button", name="Sign in with a passkey")


def register(person: Person) -> None:
    """Open an account and confirm its address: only then it may have passkeys."""
    person.register()
    person.page.goto(person.link("Confirm your address"))
    person.page.get_by_role("button", name="Yes, confirm it").click()
    expect(person.page.get_by_role("status").first).to_contain_text("Your email address is confirmed.")


def add_passkey(person: Person, name: str) -> None:
    person.page.goto("/passkeys/add")
    person.page.fill("#name", name)
    person.page.get_by_role("button", name="Go on").click()


def test_from_the_first_passkey_to_the_last(alice: Person) -> None:
    page = alice.page
    device = Device(page)
    device.set_present(False)  # Nothing is chosen where the address is typed.
    register(alice)

    page.goto("/passkeys")
    assert_is_accessible(page)
    page.get_by_role("link", name="Add a passkey").click()
    assert_is_accessible(page)
    device.set_present(True)
    page.fill("#name", "My phone")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("status")).to_contain_text("“My phone” was added")
    expect(page.get_by_role("heading", name="My phone")).to_be_visible()
    assert_is_accessible(page)
    assert [each["rpId"] for each in device.passkeys()] == ["localhost"]
    assert device.passkeys()[0]["isResidentCredential"]

    add_passkey(alice, "Twice")
    expect(page.get_by_role("alert")).to_have_text("This device has a passkey for your account already.")

    device.set_present(False)
    page.goto("/")
    alice.sign_out()
    page.goto("/login")
    expect(sign_in_button(page)).to_be_visible()
    assert_is_accessible(page)
    device.set_present(True)
    sign_in_button(page).click()
    expect(page.locator("h1")).to_have_text("Hello, Alice")

    page.goto("/passkeys")
    page.get_by_role("link", name="Rename").click()
    assert_is_accessible(page)
    page.fill("#name", "Telephone")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Telephone")).to_be_visible()

    page.get_by_role("link", name="Remove").click()
    assert_is_accessible(page)
    page.get_by_role("button", name="Remove it").click()
    expect(page.locator("main")).to_contain_text("You have none yet.")

    page.goto("/")
    device.set_present(False)
    alice.sign_out()
    device.set_present(True)
    page.goto("/login")  # The device has it still, and answers the browser's offer.
    expect(page.locator(".notice-bad")).to_contain_text("That passkey did not work.")


def test_a_passkey_is_chosen_where_the_address_is_typed(alice: Person) -> None:
    page = alice.page
    device = Device(page)
    register(alice)
    add_passkey(alice, "My phone")
    expect(page.get_by_role("heading", name="My phone")).to_be_visible()
    device.set_present(False)
    page.goto("/")
    alice.sign_out()

    device.set_present(True)  # The virtual authenticator answers the browser's offer by itself.
    page.goto("/login")

    expect(page.locator("h1")).to_have_text("Hello, Alice")


def test_whoever_is_not_verified_neither_adds_nor_uses_one(alice: Person) -> None:
    page = alice.page
    device = Device(page)
    register(alice)
    device.set_verified(False)

    add_passkey(alice, "My phone")
    expect(page.get_by_role("alert")).to_have_text("That was cancelled, or it took too long. Please try again.")
    assert device.passkeys() == []

    device.set_verified(True)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="My phone")).to_be_visible()
    device.set_verified(False)
    page.goto("/")
    alice.sign_out()
    page.goto("/login")
    sign_in_button(page).click()
    expect(page.locator("form.passkey [role=alert]")).to_have_text(
        "That was cancelled, or it took too long. Please try again."
    )


def test_without_script_the_pages_say_what_is_missing(
    open_browser: Callable[..., Page], person: Callable[[Page], Person]
) -> None:
    alice = person(open_browser(script=False))
    register(alice)

    alice.page.goto("/passkeys/add")
    expect(alice.page.locator("main")).to_contain_text("This browser does not know passkeys, or its JavaScript is off.")
    expect(alice.page.locator("#name")).to_be_hidden()
    alice.page.goto("/passkeys")
    expect(alice.page.locator("main")).to_contain_text("You have none yet.")
    alice.page.goto("/")
    alice.sign_out()
    alice.page.goto("/login")
    expect(sign_in_button(alice.page)).to_be_hidden()
