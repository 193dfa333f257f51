"""The deploy files and the operations page: every setting and command that they name exists."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest
import yaml

from chirp_auth import cli
from config import Settings

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = ("migrate", "web", "worker")


def is_setting(name: str) -> bool:
    return name.lower().removesuffix("_file") in Settings.model_fields or name.lower() in Settings.model_fields


def commands_in(text: str) -> list[list[str]]:
    """Return the words of every `flask … auth …` command in a text, from `auth` on."""
    found = re.findall(r"flask(?: --app wsgi)? auth ([^`\n|;#…\\]+)", text)
    return [shlex.split(words) for words in found]


def check(words: list[str]) -> None:
    command: click.Command = cli.auth
    while isinstance(command, click.Group) and words and not words[0].startswith("--"):
        name, *words = words
        assert name in command.commands, f"there is no command {name}"
        command = command.commands[name]
    options = {"--help"} | {option for parameter in command.params for option in parameter.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options, words


def test_containers_get_only_settings_that_exist() -> None:
    for name in OURS:
        environment = COMPOSE["services"][name]["environment"]
        assert [setting for setting in environment if not is_setting(setting)] == []
        secrets = {value.removeprefix("/run/secrets/") for key, value in environment.items() if key.endswith("_FILE")}
        assert secrets == set(COMPOSE["services"][name]["secrets"]) <= set(COMPOSE["secrets"])


def test_what_runs_in_containers_and_units_exists() -> None:
    started = [COMPOSE["services"][name].get("command", "") for name in OURS]
    started += [line for unit in UNITS for line in unit.read_text().splitlines() if line.startswith("ExecStart")]

    for words in commands_in("\n".join(started)):
        check(words)
    assert sum("auth worker" in command for command in started) == 2


@pytest.mark.parametrize(
    "page",
    [
        "docs/operations.md",
        "docs/moving.md",
        "docs/troubleshooting.md",
        "docs/upgrade.md",
        "docs/performance.md",
        "deploy/prometheus-rules.yml",
        "README.md",
        "CONTRIBUTING.md",
        "docs/security.md",
    ],
)
def test_the_commands_on_a_page_exist_with_their_options(page: str) -> None:
    for words in commands_in((ROOT / page).read_text(encoding="utf-8")):
        check(words)


def test_the_settings_on_the_operations_page_exist() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")

    named = re.findall(r"^   ([A-Z_]+)=", page, re.MULTILINE)
    assert len(named) > 8
    assert [name for name in named if not is_setting(name)] == []


def test_no_secret_and_no_state_of_this_machine_gets_into_the_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()

    assert {".git", ".env", ".venv", "instance", "deploy/secrets"} <= set(ignored)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_sound_to_systemd(unit: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("systemd-analyze is not installed")
    here = tmp_path / unit.name
    here.write_text(re.sub(r"ExecStart=/opt/chirp-auth/\S+", "ExecStart=/bin/true", unit.read_text()))

    verified = subprocess.run([analyze, "verify", here], capture_output=True, text=True, check=False)

    assert (verified.returncode, verified.stderr) == (0, "")
