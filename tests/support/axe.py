"""axe in a page: its script once for each document, since its half a megabyte is most of a short check."""

from collections.abc import Sequence
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Page

RULES = ("wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice")
CONTRAST = ("color-contrast",)


def prepare(page: Page) -> None:
    """Put axe into every document that the page will show, which is cheaper than into each that it does show."""
    page.add_init_script(AXE_SCRIPT)


def faults(page: Page, rules: Sequence[str] = RULES, without: Sequence[str] = ()) -> str:
    """Return what the rules find, as a report; nothing if all is well. `rules` are tags or names of rules."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    options: dict[str, Any] = {"runOnly": list(rules), "resultTypes": ["violations"]}
    options["rules"] = {rule: {"enabled": False} for rule in without}
    found = AxeResults(page.evaluate("options => axe.run(document, options)", options))
    return str(found.generate_report()) if found.violations_count else ""


def scrolls_sideways(page: Page) -> bool:
    """Say whether the page is wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))
