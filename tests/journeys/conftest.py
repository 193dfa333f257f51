"""Real people's tools: the server as it is started, and a browser in the state that a test asks for."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.support import server

SETTINGS = {"BCRYPT_COST": "4", "RATE_LIMITS_ENABLED": "false", "MOBILE_DEEP_LINK": "movr://reset-password"}
PHONE = {"width": 320, "height": 640}
PASSWORD = "seven quiet herons"
NEW_PASSWORD = "eleven loud magpies"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Application]:
    """The application, started once for all journeys of a test process; each registers a person of its own."""
    with server.application(SETTINGS, tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture
def open_browser(site: server.Application, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a window of a browser that remembers nothing; it must end without a complaint in the console."""
    contexts, complaints = [], []

    def note(message: ConsoleMessage) -> None:
        # Chromium reports the status of an answer such as 410 too; a page with that status is meant.
        if "Failed to load resource" not in message.text:
            complaints.append(message.text)

    def open_window(*, script: bool = True, **options: Any) -> Page:
        context = browser.new_context(
            base_url=site.base_url, java_script_enabled=script, **{"viewport": PHONE, **options}
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert complaints == []


@dataclass
class Person:
    """Somebody with a browser and a mailbox."""

    page: Page
    email: str
    site: server.Application

    def send(self, **fields: str) -> None:
        """Fill in the form of the page and send it; without script the password is typed twice."""
        for name, value in fields.items():
            self.page.fill(f"#{name}", value)
        again = self.page.locator("#confirm_password:visible")
        if again.count():
            again.fill(fields.get("password") or fields["new_password"])
        self.page.locator("main form:not(.post-button) button[type=submit]").last.click()

    def register(self, password: str = PASSWORD) -> None:
        self.page.goto("/register")
        self.send(first_name="Alice", email=self.email, password=password)
        expect(self.page.locator("h1")).to_have_text("Check your email")
        self.page.get_by_role("link", name="Go on").click()
        expect(self.page.locator("h1")).to_have_text("Hello, Alice")

    def sign_in(self, password: str = PASSWORD) -> None:
        self.page.goto("/login")
        self.send(email=self.email, password=password)

    def sign_out(self) -> None:
        self.page.get_by_role("button", name="Sign out", exact=True).click()
        expect(self.page.locator("h1")).to_have_text("You are signed out")

    def link(self, subject: str, but: str = "") -> str:
        """Wait for the mail and return its link, another one than `but`."""
        for _ in range(100):
            for mail in self.mails():
                if mail["to"] == self.email and subject in mail["subject"] and mail["links"][0] != but:
                    return str(mail["links"][0])
            time.sleep(0.05)
        raise TimeoutError(f"no mail about {subject}")

    def reset_link(self, but: str = "") -> str:
        """Ask for a link and return it."""
        self.page.goto("/forgot-password")
        self.send(email=self.email)
        return self.link("Password reset for", but)

    def mails(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.site.base_url}/dev/mailbox.json") as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found


@pytest.fixture
def person(site: server.Application) -> Callable[[Page], Person]:
    """Make somebody whom no other test knows."""
    return lambda page: Person(page, f"alice-{uuid4().hex[:12]}@example.com", site)


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def alice(
    request: pytest.FixtureRequest, open_browser: Callable[..., Page], person: Callable[[Page], Person]
) -> Person:
    """Alice, without an account as yet; with script and then without."""
    return person(open_browser(script=request.param))
