"""Pages of mailed links, opened with a link that is none, or without one: then they say where to open it."""

import pytest

from tests.conftest import on_one_database
from tests.web.conftest import Visitor, words

PAGES = [
    "/reset-password",
    "/verify-email",
    "/verify-email/new-password",
    "/confirm-address",
    "/not-me",
    "/not-registered",
    "/undo-deletion",
]
BUTTONS = ["/verify-email", "/confirm-address", "/not-me", "/not-registered", "/undo-deletion"]

pytestmark = on_one_database


@pytest.mark.parametrize("path", PAGES)
def test_a_page_without_its_link_says_where_to_open_it(visitor: Visitor, path: str) -> None:
    visitor.open("/login")  # The browser keeps our cookie.

    opened = visitor.open(path)

    assert (opened.status_code, "Open the link from the mail on this device" in words(opened)) == (404, True)
    assert "keep our cookies" not in words(opened)


@pytest.mark.parametrize("path", PAGES)
def test_a_browser_that_keeps_no_cookie_is_told_of_it(elsewhere: Visitor, path: str) -> None:
    assert "your browser does not keep our cookies" in words(elsewhere.open(path))


@pytest.mark.parametrize("path", BUTTONS)
def test_a_button_without_its_link_says_the_same(visitor: Visitor, path: str) -> None:
    pressed = visitor.send(path, on="/login")

    assert (pressed.status_code, "Open the link from the mail on this device" in words(pressed)) == (404, True)


def test_each_kind_of_link_has_titles_of_its_own(visitor: Visitor) -> None:
    paths = [path for path in PAGES if path != "/verify-email/new-password"]
    titles = [visitor.open(f"{path}?token=x").text.partition("<h1>")[2].partition("</h1>")[0] for path in paths]

    assert len(set(titles)) == len(titles), titles
