"""The pages, and a server as they know it."""

import json
import re
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import ROOT, Application, application

PAGES = {str(page.relative_to(ROOT)): page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))}
SETTINGS = {"BCRYPT_COST": "4", "PUBLIC_URL": "http://127.0.0.1:5000", "RATE_LIMITS_ENABLED": "false"}
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
ALICE = {"email": "alice@example.com", "password": "seven quiet herons"}


def blocks(page: str) -> list[tuple[str, str]]:
    """Return the fenced blocks of a page: the language and the text of each."""
    found = FENCE.finditer(PAGES[page].read_text(encoding="utf-8"))
    return [
        (block["language"], re.sub(f"^{block['indent']}", "", block["text"], flags=re.MULTILINE)) for block in found
    ]


def blocks_in(page: str, language: str) -> list[str]:
    return [text for name, text in blocks(page) if name == language]


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which a block may write: links to what is in ours."""
    folder = tmp_path_factory.mktemp("checkout")
    for path in ROOT.iterdir():
        if path.name not in (".git", ".env", "instance", ".venv", "deploy"):
            (folder / path.name).symlink_to(path)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "deploy").mkdir()
    return folder


@pytest.fixture(scope="session")
def server(checkout: Path) -> Iterator[Application]:
    """A server with Alice's account, of which the pages of the contracts speak."""
    with application({**SETTINGS, "TRUSTED_PROXY_HOPS": "1"}, checkout, seconds=90) as running:
        registering = urllib.request.Request(
            f"{running.base_url}/register", json.dumps(ALICE).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(registering, timeout=10).close()
        yield running
