"""A TypeScript client makes the same journey, and Redocly's linter finds nothing in the document."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.api.clients.conftest import TYPESCRIPT
from tests.support.server import ROOT, Application

KEPT = ROOT / "docs/openapi.json"


def test_a_strict_linter_finds_nothing_but_what_was_put_there(node: str, tmp_path: Path) -> None:
    text = KEPT.read_text(encoding="utf-8")
    tampered = tmp_path / "openapi.json"
    tampered.write_text(text.replace('"schemas": {', '"schemas": {"Stray": {"type": "string"}, ', 1), encoding="utf-8")

    with pytest.raises(AssertionError) as found:
        run(node, TYPESCRIPT / "lint.mjs", tampered)

    (problem,) = str(found.value).splitlines()
    assert problem.startswith("no-unused-components at #/components/schemas/Stray: ")


def test_a_typescript_client_makes_the_whole_journey(
    node: str, server: Application, document: Path, tmp_path: Path
) -> None:
    for name in ("package.json", "tsconfig.json", "journey.ts"):
        shutil.copy(TYPESCRIPT / name, tmp_path)
    packages = tmp_path / "node_modules"
    packages.symlink_to(TYPESCRIPT / "node_modules")

    run(node, packages / "openapi-typescript/bin/cli.js", document, "--output", tmp_path / "api.d.ts")
    run(node, packages / "typescript/bin/tsc", "--project", tmp_path)
    run(node, tmp_path / "built/journey.js", server.base_url, "carol@example.com")


def run(*command: str | Path) -> None:
    """Run it; what it says is the message if it fails."""
    ended = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120, check=False)
    if ended.returncode:
        raise AssertionError(ended.stdout + ended.stderr)
