"""Take the README's picture anew: the pages of a reset, side by side, in docs/pages.png.

    python -m scripts.picture

It starts the application in a folder of its own and Chromium, which CHROMIUM or the PATH names.
"""

import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page

from tests.support import browser
from tests.support.server import ROOT, application

TARGET = ROOT / "docs" / "pages.png"
SETTINGS = {"BCRYPT_COST": "4", "SUPPORT_EMAIL": "help@example.com"}
WINDOW = {"width": 400, "height": 660}
EMAIL, PASSWORD, NEW_PASSWORD = "ada@example.com", "seven quiet herons", "eleven loud magpies"
SHEET = """<style>
  body {{ margin: 0; padding: 24px; display: flex; gap: 20px; background: #e9edf1; width: max-content }}
  img {{ display: block; width: 400px; border-radius: 10px; box-shadow: 0 2px 10px #0003 }}
</style>{images}"""


def main() -> None:
    """Walk through a reset and keep what a person sees."""
    if not (chromium := browser.find_chromium()):
        sys.exit(browser.MISSING)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with application(SETTINGS, folder, seconds=90) as site, browser.browser(chromium, folder) as window:
            page = window.new_page(viewport=WINDOW, base_url=site.base_url)  # type: ignore[arg-type]  # two numbers
            pictures = list(_pictures(page))
            images = "".join(f'<img src="data:image/png;base64,{b64encode(each).decode()}">' for each in pictures)
            page.set_viewport_size({"width": len(pictures) * 420 + 28, "height": WINDOW["height"] + 48})
            page.goto("about:blank")
            page.set_content(SHEET.format(images=images))
            page.screenshot(path=TARGET)
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size // 1024} KB")


def _pictures(page: Page) -> Iterator[bytes]:
    """Yield what is seen on the way: the question for a link, the mail, the new password, the account."""
    page.goto("/register")
    _send(page, first_name="Ada", email=EMAIL, password=PASSWORD)
    page.get_by_role("button", name="Sign out", exact=True).click()

    page.goto("/forgot-password")
    page.fill("#email", EMAIL)
    yield page.screenshot()
    _send(page)

    mails = page.request.get("/dev/mailbox.json")
    while not (mail := next((mail for mail in mails.json() if "Password reset" in mail["subject"]), None)):
        page.wait_for_timeout(100)
        mails = page.request.get("/dev/mailbox.json")
    page.goto(f"/dev/mailbox/{mail['id']}/html")
    yield page.screenshot()

    page.goto(mail["links"][0])
    page.fill("#password", NEW_PASSWORD)
    yield page.screenshot()
    _send(page)

    page.goto("/login")
    _send(page, email=EMAIL, password=NEW_PASSWORD)
    page.get_by_role("heading", name="Hello, Ada").wait_for()
    yield page.screenshot()


def _send(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.fill(f"#{name}", value)
    page.locator("main form:not(.post-button) button[type=submit]").last.click()


if __name__ == "__main__":
    main()
