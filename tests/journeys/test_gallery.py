"""Every state of every page and every mail under axe: light in English, and in German its contrast in the dark."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from chirp_auth.web.gallery.mails import MAILS
from chirp_auth.web.gallery.pages import PAGES
from tests.journeys.test_accessibility import RULES

pytestmark = pytest.mark.browser
# Its frame shows a mail of the mailbox, where the sample is not; test_accessibility.py looks at a real one.
ELSEWHERE = {"mailbox-mail"}
OF_PAGES_ALONE = {rule: {"enabled": False} for rule in ("landmark-one-main", "region")}


@pytest.mark.parametrize(
    ("how", "rules"),
    [("language=en&scheme=light", RULES), ("language=de&scheme=dark", ["color-contrast"])],
    ids=["english-light", "german-dark"],
)
def test_no_page_or_mail_has_a_fault(open_browser: Callable[..., Page], how: str, rules: list[str]) -> None:
    page, axe = open_browser(reduced_motion="reduce"), Axe()
    faults, sideways = {}, []
    for name in [name for name in (*PAGES, *MAILS) if name not in ELSEWHERE]:
        options: dict[str, object] = {"runOnly": rules, "resultTypes": ["violations"]}
        if name in PAGES:
            page.goto(f"/dev/gallery/{name}?{how}")
        else:  # The gallery shows it in a sandbox, where axe could not run.
            page.goto("about:blank")  # The last page's policy would hold for the mail too.
            page.set_content(page.request.get(f"/dev/gallery/{name}?{how}").text())
            options["rules"] = OF_PAGES_ALONE
        found = axe.run(page, options=options)
        if found.violations_count:
            faults[name] = found.generate_report()
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            sideways.append(name)

    assert faults == {}
    assert sideways == []
