"""The architecture: who imports whom, who commits, and who reads the environment."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "chirp_auth"

COMMITTERS = ("accounts/", "admin/", "worker/", "mail/job_locks.py")  # rules, and the worker with its own bookkeeping


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield each module of the application by its path in the package, parsed."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield str(path.relative_to(PACKAGE)), ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.Module, *names: str) -> list[int]:
    """Return the lines on which a method of one of these names is called."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names
    ]


def test_the_layers_hold() -> None:
    checked = subprocess.run(
        [sys.executable, Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_only_rules_and_the_worker_commit() -> None:
    found = {path: lines for path, tree in modules() if (lines := calls(tree, "commit"))}

    assert found, "there are rules"
    assert [path for path in found if not path.startswith(COMMITTERS)] == []


def test_only_config_reads_the_environment() -> None:
    reading = {"os.environ", "os.getenv", "environ", "getenv"}
    found = [
        path
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) in reading
    ]

    # The server tells the processes it starts where they find the code and where their metrics meet.
    assert set(found) <= {"server/serve.py", "runtime/metrics_endpoint.py"}


def test_every_module_opens_with_one_sentence() -> None:
    opened = {path: (ast.get_docstring(tree) or "").partition("\n")[0] for path, tree in modules()}

    assert [path for path, sentence in opened.items() if not sentence.endswith(".")] == []


def test_no_rule_speaks_http() -> None:
    speaking = {"request", "session", "flash", "url_for", "current_app", "g"}
    for path, tree in modules():
        if path.startswith(("accounts/", "admin/")):
            imported = {
                name.name
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("flask")
                for name in node.names
            }
            assert not imported & speaking, path
