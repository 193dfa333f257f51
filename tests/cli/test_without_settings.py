"""What operators can do while the settings cannot be used: read, look, and be told what to mend."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import FlaskGroup
from flask_migrate.cli import db as migration_commands

from chirp_auth import cli
from chirp_auth.cli import without_settings
from config import ConfigurationError, load
from tests.support.server import environment_for

UNUSABLE = {"PORT": "many", "APP_ENV": "production"}

Command = Callable[..., Result]


@pytest.fixture
def flask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The `flask` command, with settings that cannot be used: as `wsgi.py` makes it of them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "true")  # It sets that, and it ends with the test.

    def application() -> Flask:
        with pytest.raises(ConfigurationError) as refused:
            load(_env_file=None, port="many", app_env="production")
        return without_settings.application(refused.value.problems, cli.auth, migration_commands)

    group = FlaskGroup(name="flask", create_app=application, set_debug_flag=False, load_dotenv=False)
    return lambda *arguments: CliRunner().invoke(group, arguments)


def in_a_process(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the `flask` command as operators do."""
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
        env=environment_for(UNUSABLE, folder),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_doctor_tells_each_problem_with_its_fix(tmp_path: Path) -> None:
    result = in_a_process(tmp_path, "auth", "doctor", "--json")

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
def test_every_help_can_be_read(flask: Command, arguments: tuple[str, ...]) -> None:
    result = flask(*arguments)

    assert (result.exit_code, result.stderr) == (0, "")
    assert "Usage:" in result.stdout


def test_the_example_file_can_be_written(flask: Command) -> None:
    result = flask("auth", "config", "example")

    assert (result.exit_code, result.stderr) == (0, "")
    assert "SECRET_KEY=" in result.stdout


def test_a_first_key_can_be_had(flask: Command) -> None:
    result = flask("auth", "keys", "rotate", "jwt_secret")

    assert (result.exit_code, result.stderr) == (0, "Set this as JWT_SECRET.\n")
    assert re.fullmatch(r"JWT_SECRET=[\w-]{64}\n", result.stdout)


@pytest.mark.parametrize("arguments", [("auth", "user", "list", "--json"), ("routes",)])
def test_every_other_command_lists_what_to_mend(flask: Command, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = flask(*arguments)

    assert (result.exit_code, result.stdout) == (1, "")
    assert_is_told(result.stderr)
    assert list(tmp_path.iterdir()) == [], "no database was made"


def test_nothing_is_migrated(tmp_path: Path) -> None:
    result = in_a_process(tmp_path, "db", "upgrade")

    assert (result.returncode, result.stdout) == (1, "")
    assert_is_told(result.stderr)
    assert list(tmp_path.iterdir()) == [], "no database was made"


def assert_is_told(said: str) -> None:
    assert "PORT is not valid" in said
    assert "SECRET_KEY is missing" in said
    assert "Traceback" not in said
