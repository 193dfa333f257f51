"""Take the pictures of the pages anew: docs/pages.png for the README, and those of docs/pages.md.

    python -m scripts.picture

It starts the application in a folder of its own and Chromium, which CHROMIUM or the PATH names, and takes them from the
development gallery. A picture shows a few pages side by side.
"""

import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from tests.support import browser
from tests.support.server import ROOT, application

DOCS = ROOT / "docs"
SETTINGS = {"BCRYPT_COST": "4", "SUPPORT_EMAIL": "help@example.com"}
WIDTH, HEIGHT, GAP = 400, 660, 20
SHEET = """<style>
  body {{ margin: 0; padding: 24px; display: flex; gap: 20px; background: {background}; width: max-content }}
  img {{ display: block; width: 400px; border-radius: 10px; box-shadow: 0 2px 10px #0003 }}
</style>{images}"""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A picture: samples of the gallery side by side, in one language and one scheme."""

    file: str
    samples: tuple[str, ...]
    language: str = "en"
    scheme: str = "light"


SHEETS = (
    Sheet("pages.png", ("forgot-password", "mail-reset-link", "reset", "account")),
    Sheet("pages/register.png", ("start", "register", "register-refused", "verify-email")),
    Sheet("pages/sign-in.png", ("sign-in", "sign-in-refused", "signed-out", "error-429")),
    Sheet("pages/reset.png", ("check-mail", "reset-weak", "reset-done", "reset-token-expired")),
    Sheet("pages/account.png", ("account-new", "change-password", "change-address", "not-me")),
    Sheet(
        "pages/mails.png",
        ("mail-email-verification", "mail-password-changed", "mail-account-locked", "mail-invitation"),
    ),
    Sheet("pages/german-dark.png", ("forgot-password", "mail-reset-link", "reset", "account"), "de", "dark"),
)


def main() -> None:
    """Take every picture."""
    if not (chromium := browser.find_chromium()):
        sys.exit(browser.MISSING)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with application(SETTINGS, folder, seconds=90) as site, browser.browser(chromium, folder) as window:
            page = window.new_page(base_url=site.base_url, reduced_motion="reduce")
            for sheet in SHEETS:
                _take(page, sheet)


def _take(page: Page, sheet: Sheet) -> None:
    images = "".join(f'<img src="data:image/png;base64,{b64encode(each).decode()}">' for each in _samples(page, sheet))
    page.set_viewport_size({"width": len(sheet.samples) * (WIDTH + GAP) + 28, "height": HEIGHT + 48})
    page.goto("about:blank")
    page.set_content(SHEET.format(images=images, background="#20262b" if sheet.scheme == "dark" else "#e9edf1"))
    target = DOCS / sheet.file
    target.parent.mkdir(exist_ok=True)
    page.screenshot(path=target)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1024} KB")


def _samples(page: Page, sheet: Sheet) -> Iterator[bytes]:
    """Yield what each sample of the sheet looks like on a telephone, as far as it is seen without scrolling."""
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    for sample in sheet.samples:
        page.goto(f"/dev/gallery/{sample}?language={sheet.language}&scheme={sheet.scheme}")
        yield page.screenshot()


if __name__ == "__main__":
    main()
