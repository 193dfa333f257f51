"""Every state of every page and every mail: under axe, its contrast in the dark, and narrow in each language."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from chirp_auth.languages import LANGUAGES
from chirp_auth.web.gallery.mails import MAILS
from chirp_auth.web.gallery.pages import PAGES
from tests.support import axe

pytestmark = pytest.mark.browser
# Its frame shows a mail of the mailbox, where the sample is not; test_accessibility.py looks at a real one.
ELSEWHERE = {"mailbox-mail"}
OF_PAGES_ALONE = ("landmark-one-main", "region")
PARTS = 5  # Test processes share them.


def open_page(page: Page, name: str, language: str) -> None:
    page.goto(f"/dev/gallery/{name}?language={language}")


def open_mail(page: Page, name: str, language: str) -> None:
    """Show a mail in place of what is in the page: the gallery shows it in a sandbox, where axe could not run."""
    page.set_content(page.request.get(f"/dev/gallery/{name}?language={language}").text())


def assert_has_no_fault(
    english: Page, others: Page, names: list[str], show: Callable[[Page, str, str], None], *without: str
) -> None:
    """Look for faults in one language, as all have the same elements, and for what is too wide in every one."""
    faults, sideways = {}, []
    for name in names:
        show(english, name, "en")
        for scheme, rules in (("light", axe.RULES), ("dark", axe.CONTRAST)):
            english.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]  # literals
            if found := axe.faults(english, rules, without):
                faults[name, scheme] = found
        for language in LANGUAGES:
            page = english if language == "en" else others
            if page is others:
                show(others, name, language)
            if axe.scrolls_sideways(page):
                sideways.append((name, language))

    assert faults == {}
    assert sideways == []


@pytest.mark.parametrize("part", range(PARTS))
def test_no_page_has_a_fault(open_browser: Callable[..., Page], part: int) -> None:
    english, others = open_browser(reduced_motion="reduce"), open_browser(reduced_motion="reduce")
    axe.prepare(english)
    names = [name for name in PAGES if name not in ELSEWHERE]

    assert_has_no_fault(english, others, names[part::PARTS], open_page)


def test_no_mail_has_a_fault(open_browser: Callable[..., Page]) -> None:
    english, others = open_browser(reduced_motion="reduce"), open_browser(reduced_motion="reduce")

    assert_has_no_fault(english, others, list(MAILS), open_mail, *OF_PAGES_ALONE)
