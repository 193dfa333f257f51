"""What operators can do while the settings cannot be used: read, look, and be told what to mend."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import environment_for

UNUSABLE = {"PORT": "many", "APP_ENV": "production"}


@pytest.fixture
def flask(tmp_path: Path) -> "Flask":
    return Flask(tmp_path)


class Flask:
    """The `flask` command, with settings that cannot be used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
            env=environment_for(UNUSABLE, self._folder),
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )


def test_the_doctor_tells_each_problem_with_its_fix(flask: Flask) -> None:
    result = flask("auth", "doctor", "--json")

    report = json.loads(result.stdout)
    told = {check["detail"].partition(" ")[0]: check for check in report["checks"]}
    assert {"PORT", "SECRET_KEY", "JWT_SECRET", "SMTP_HOST"} <= told.keys()
    assert {(check["check"], check["status"]) for check in report["checks"]} == {("settings", "fail")}
    assert all(check["fix"] for check in report["checks"])
    assert (report["ok"], result.returncode, result.stderr) == (False, 1, "")


@pytest.mark.parametrize(
    "arguments",
    [("auth", "--help"), ("auth", "doctor", "--help"), ("auth", "user", "lock", "--help"), ("db", "--help")],
)
def test_every_help_can_be_read(flask: Flask, arguments: tuple[str, ...]) -> None:
    result = flask(*arguments)

    assert (result.returncode, result.stderr) == (0, "")
    assert "Usage:" in result.stdout


def test_the_example_file_can_be_written(flask: Flask) -> None:
    result = flask("auth", "config", "example")

    assert (result.returncode, result.stderr) == (0, "")
    assert "SECRET_KEY=" in result.stdout


def test_a_first_key_can_be_had(flask: Flask) -> None:
    result = flask("auth", "keys", "rotate", "jwt_secret")

    assert (result.returncode, result.stderr) == (0, "Set this as JWT_SECRET.\n")
    assert re.fullmatch(r"JWT_SECRET=[\w-]{64}\n", result.stdout)


@pytest.mark.parametrize("arguments", [("auth", "user", "list", "--json"), ("db", "upgrade"), ("routes",)])
def test_every_other_command_lists_what_to_mend(flask: Flask, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = flask(*arguments)

    assert (result.returncode, result.stdout) == (1, "")
    assert "PORT is not valid" in result.stderr
    assert "SECRET_KEY is missing" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == [], "no database was made"
