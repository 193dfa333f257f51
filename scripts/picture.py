"""Take the pictures of the pages anew: docs/pages.webp for the README, and those of docs/pages.md.

    python -m scripts.picture

It starts the application in a folder of its own and Chromium, which CHROMIUM or the PATH names, and takes them from the
development gallery. A picture shows a few pages side by side, as WebP: a quarter of what a PNG takes.
"""

import sys
import tempfile
from base64 import b64decode, b64encode
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
    Sheet("pages.webp", ("forgot-password", "mail-reset-link", "reset", "account")),
    Sheet("pages/register.webp", ("start", "register", "register-slip", "check-mail-registered")),
    Sheet("pages/sign-in.webp", ("sign-in", "sign-in-paused", "signed-out", "error-429-form")),
    Sheet("pages/reset.webp", ("check-mail-spent", "reset-weak", "reset-done-elsewhere", "reset-token-expired")),
    Sheet("pages/account.webp", ("account-new", "activity", "change-password", "delete-account")),
    Sheet(
        "pages/mails.webp", ("mail-email-verification", "mail-new-sign-in", "mail-account-locked", "mail-invitation")
    ),
    Sheet("pages/german-dark.webp", ("forgot-password", "mail-reset-link", "reset", "account"), "de", "dark"),
)
# The browser alone writes WebP, and from a canvas only.
AS_WEBP = """async (png) => {
  const image = Object.assign(new Image(), { src: `data:image/png;base64,${png}` });
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/webp", 0.65).split(",")[1];
}"""


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
    target.write_bytes(b64decode(page.evaluate(AS_WEBP, b64encode(page.screenshot()).decode())))
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1024} KB")


def _samples(page: Page, sheet: Sheet) -> Iterator[bytes]:
    """Yield what each sample of the sheet looks like on a telephone, as far as it is seen without scrolling."""
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    for sample in sheet.samples:
        page.goto(f"/dev/gallery/{sample}?language={sheet.language}&scheme={sheet.scheme}")
        yield page.screenshot()


if __name__ == "__main__":
    main()
