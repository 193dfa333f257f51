"""One running server for the clients that are generated from its document, and the Node packages that make them."""

import json
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Application, application

TYPESCRIPT = Path(__file__).with_name("typescript")


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    with application({"BCRYPT_COST": "4"}, tmp_path_factory.mktemp("server"), seconds=90) as running:
        yield running


@pytest.fixture
def document(server: Application, tmp_path: Path) -> Path:
    """The document as the server shows it, in a file."""
    with urllib.request.urlopen(f"{server.base_url}/api/openapi.json", timeout=10) as answer:
        document = json.load(answer)
    assert document["servers"] == [{"url": server.base_url}]
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.fixture
def node() -> str:
    """The path of Node.js, where the locked packages are installed, too."""
    path = shutil.which("node")
    if not path or not (TYPESCRIPT / "node_modules").exists():
        pytest.skip("no Node.js with the packages of tests/api/clients/typescript: `make setup` installs them by npm")
    return path
