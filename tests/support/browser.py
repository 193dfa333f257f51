"""A real Chromium for the tests, found on this machine, with a fresh profile and no talk of its own."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from playwright.sync_api import Browser, sync_playwright

COMMANDS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MISSING = "no Chromium: install the package chromium, or set CHROMIUM to its path"


def find_chromium() -> str | None:
    """The setting CHROMIUM, then the PATH."""
    names = (os.environ.get("CHROMIUM", ""), *COMMANDS)
    return next((path for name in names if (path := shutil.which(name))), None)


@contextlib.contextmanager
def browser(executable: str, folder: Path) -> Iterator[Browser]:
    """Yield a running browser that keeps everything it writes in `folder`."""
    names = ("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR")
    with contextlib.ExitStack() as stack:
        with patch.dict(os.environ, dict.fromkeys(names, str(folder))):  # the driver and the browser inherit it
            playwright = stack.enter_context(sync_playwright())
            chromium = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield stack.enter_context(chromium)
