"""Streams as jobs leave them, closed or full, and arguments that are no text: a sentence and an exit code, no trace."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shlex import quote

import pytest

from tests.support.server import environment_for

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

Shell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    """Run `flask auth …` in a shell, with its redirections."""

    def run(command: str) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            f"{quote(sys.executable)} -m flask --app wsgi auth {command}",
            shell=True,
            env=environment_for({"DATABASE_URL": database_url}, tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in result.stderr
        assert "Exception ignored" not in result.stderr
        return result

    return run


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        ("user import - <&-", 2, "must name the fields"),
        ("session revoke --all-users <&-", 2, "say it with --yes"),
        ("reset link alice@example.com --yes >&-", 1, "Standard output is closed"),
        ("config show 2>&-", 0, ""),
        ("no-such-command 2>&-", 2, ""),
    ],
)
def test_a_closed_stream_is_an_empty_one_or_refused(shell: Shell, command: str, code: int, told: str) -> None:
    result = shell(command)

    assert (result.returncode, told in result.stderr) == (code, True)


@pytest.mark.parametrize("command", ["config show", "config show --json", "user export", "openapi"])
def test_a_full_disk_is_said(shell: Shell, command: str) -> None:
    result = shell(f"{command} >/dev/full")

    assert (result.returncode, result.stderr) == (1, "Error: The output could not be used: No space left on device.\n")


def test_a_reader_that_has_enough_is_no_error(shell: Shell) -> None:
    result = shell("openapi | head -1")

    assert (result.stdout, result.stderr) == ("{\n", "")


def test_a_file_that_cannot_be_written_is_named(shell: Shell, tmp_path: Path) -> None:
    nowhere = tmp_path / "missing" / "openapi.json"

    result = shell(f"openapi --output {quote(str(nowhere))}")

    assert (result.returncode, str(nowhere) in result.stderr) == (1, True)


def test_a_file_that_is_no_text_is_another_document(shell: Shell, tmp_path: Path) -> None:
    binary = tmp_path / "openapi.json"
    binary.write_bytes(os.urandom(64) + b"\xff")

    assert shell(f"openapi --check {quote(str(binary))}").returncode == 1


def test_an_argument_that_is_no_text_is_a_wrong_use(shell: Shell) -> None:
    result = shell("user list --search $(printf '\\377')")

    assert (result.returncode, "not UTF-8" in result.stderr) == (2, True)
