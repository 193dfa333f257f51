"""Every page under axe: in light on a telephone, and its contrast in the dark."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.journeys.conftest import NEW_PASSWORD, PASSWORD, Person
from tests.support import axe

pytestmark = pytest.mark.browser


@pytest.fixture
def visitor(open_browser: Callable[..., Page], person: Callable[[Page], Person]) -> Person:
    return person(open_browser(reduced_motion="reduce"))


def assert_is_accessible(page: Page) -> None:
    """Check the page by axe, and that it has one heading, landmarks, and no sideways scrolling at 320 px."""
    for scheme, rules in (("light", axe.RULES), ("dark", axe.CONTRAST)):
        # Without the transition from one to the other, or axe may see a colour of the first on the second.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]  # literals
        assert axe.faults(page, rules) == "", f"{page.url}, {scheme}"
    assert page.locator("h1").count() == 1
    assert page.locator("header, main, footer, nav").count() >= 4
    assert not axe.scrolls_sideways(page), f"{page.url} scrolls sideways"


def test_pages_of_visitors(visitor: Person) -> None:
    page = visitor.page
    titles = []
    for path in ("/", "/register", "/login", "/forgot-password", "/signed-out", "/nothing", "/verify-email?token=x"):
        page.goto(path)
        assert_is_accessible(page)
        titles.append(page.title())
    page.goto("/register")
    visitor.send(email="nobody", password="x")
    assert_is_accessible(page)
    titles.append(page.title())
    page.goto("/forgot-password")
    visitor.send(email="alice@example.com")
    assert_is_accessible(page)
    titles.append(page.title())
    assert len(set(titles)) == len(titles)


def test_pages_of_an_account(visitor: Person) -> None:
    page = visitor.page
    visitor.register()
    assert_is_accessible(page)
    page.goto(visitor.link("Confirm your address"))
    assert_is_accessible(page)
    page.goto("/change-password")
    visitor.send(current_password="wrong", new_password=NEW_PASSWORD)
    assert_is_accessible(page)


def test_pages_of_a_reset(visitor: Person) -> None:
    page = visitor.page
    visitor.register()
    link = visitor.reset_link()
    page.goto("/dev/mailbox")
    assert_is_accessible(page)
    page.locator("main li a").first.click()
    assert_is_accessible(page)
    page.goto(link)
    visitor.send(password="password1")
    assert_is_accessible(page)
    visitor.send(password=PASSWORD)
    assert_is_accessible(page)
    page.goto(link)
    assert_is_accessible(page)
    page.goto(link[:-4])
    assert_is_accessible(page)
