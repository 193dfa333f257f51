"""`auth config` and `auth keys`: the settings, where they come from, and a new key."""

import json
import os
from pathlib import Path

import pytest
from flask.testing import FlaskCliRunner

from chirp_auth.cli._common import setting_origins
from chirp_auth.security import tokens
from config import ROOT, Settings, load

SECRET = "a-password-that-nobody-may-read"
NEEDS_NO_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@NEEDS_NO_DATABASE
def test_the_example_file_is_that_of_the_settings(runner: FlaskCliRunner) -> None:
    example = runner.invoke(args=["auth", "config", "example"]).stdout

    assert (ROOT / ".env.example").read_text(encoding="utf-8") == example


@NEEDS_NO_DATABASE
def test_every_setting_says_what_it_is_for(runner: FlaskCliRunner) -> None:
    assert not [name for name, field in Settings.model_fields.items() if not field.description]


def test_the_example_file_changes_nothing_when_copied(tmp_path: Path) -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    copied = tmp_path / ".env"
    copied.write_text(
        "\n".join(line.removeprefix("# ") if "=" in line.split(" ")[1] else line for line in lines if line[2:])
    )

    written = Settings(_env_file=copied)

    assert written.model_dump() == Settings(_env_file=None).model_dump()


@NEEDS_NO_DATABASE
def test_settings_are_shown_with_their_origin_and_without_secrets(
    runner: FlaskCliRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(SECRET * 2)
    monkeypatch.setenv("PORT", "5444")
    monkeypatch.setenv("JWT_SECRET_FILE", str(tmp_path / "secret"))

    result = runner.invoke(args=["auth", "config", "show", "--json"])

    shown = {row["name"]: (row["value"], row["origin"]) for row in json.loads(result.stdout)}
    assert shown["PORT"][1] == "environment"
    assert shown["JWT_SECRET"] == ("…", "file")
    assert shown["APP_NAME"] == ("Chirpworks", "default")
    assert shown["PASSWORD_RESET_TOKEN_EXPIRES_IN"][0] == "1h"
    assert "test-signing-key" not in result.stdout


@NEEDS_NO_DATABASE
@pytest.mark.parametrize(
    "url", [f"postgresql://chirp:{SECRET}@db/chirp", f"postgresql://db/chirp?user=chirp&password={SECRET}"]
)
def test_passwords_in_addresses_are_masked(app: object, runner: FlaskCliRunner, settings: Settings, url: str) -> None:
    settings.database_url = url
    settings.redis_url = f"redis://:{SECRET}@cache:6379/0"

    result = runner.invoke(args=["auth", "config", "show"])

    assert result.exit_code == 0
    assert SECRET not in result.stdout


@NEEDS_NO_DATABASE
@pytest.mark.parametrize(("name", "life"), [("SECRET_KEY", "30 days"), ("JWT_SECRET", "1 hour")])
def test_a_new_key_is_printed_for_the_environment(runner: FlaskCliRunner, name: str, life: str) -> None:
    first, second = (runner.invoke(args=["auth", "keys", "rotate", name]) for _ in range(2))

    assert first.stdout.startswith(f"{name}=")
    assert len(first.stdout) > 60
    assert first.stdout != second.stdout
    assert "test-" not in first.output
    assert f"{name}_FALLBACKS" in first.stderr
    assert f"after {life}." in first.stderr


@NEEDS_NO_DATABASE
def test_after_a_theft_no_former_key_is_kept(
    runner: FlaskCliRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key_file, fallbacks_file = tmp_path / "key", tmp_path / "fallbacks"
    key_file.write_text("a stolen key")
    fallbacks_file.write_text("an older key")
    monkeypatch.setenv("SECRET_KEY_FILE", str(key_file))
    monkeypatch.setenv("SECRET_KEY_FALLBACKS_FILE", str(fallbacks_file))

    result = runner.invoke(args=["auth", "keys", "rotate", "--stolen", "--yes"])

    assert result.stdout == "Written. Restart every process.\n"
    assert "stolen" not in key_file.read_text()
    assert len(key_file.read_text()) == 64
    assert fallbacks_file.read_text() == ""
    assert {path.name for path in tmp_path.iterdir()} >= {"key", "fallbacks"}
    assert not list(tmp_path.glob("tmp*"))


@NEEDS_NO_DATABASE
def test_a_dry_run_prints_no_key(runner: FlaskCliRunner) -> None:
    result = runner.invoke(args=["auth", "keys", "rotate", "--dry-run"])

    assert result.output == "Would print a new SECRET_KEY; nothing else changes.\n"


@NEEDS_NO_DATABASE
def test_the_example_is_there_for_programs_too(runner: FlaskCliRunner) -> None:
    listed = json.loads(runner.invoke(args=["auth", "config", "example", "--json"]).stdout)

    assert [each["name"].lower() for each in listed] == list(Settings.model_fields)
    assert {"name": "PORT", "default": "5000", "description": "The port to listen on.", "from_file": False} in listed


@NEEDS_NO_DATABASE
def test_key_files_are_rotated_and_old_links_stay_good(
    runner: FlaskCliRunner, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key_file, fallbacks_file = tmp_path / "key", tmp_path / "fallbacks"
    key_file.write_text(settings.secret_key.get_secret_value())
    fallbacks_file.write_text("")
    key_file.chmod(0o600)
    monkeypatch.setenv("SECRET_KEY_FILE", str(key_file))
    monkeypatch.setenv("SECRET_KEY_FALLBACKS_FILE", str(fallbacks_file))
    refresh = tokens._plain(tokens.REFRESH).dumps("signed before")

    result = runner.invoke(args=["auth", "keys", "rotate", "--yes", "--json"])

    assert json.loads(result.stdout) == {"name": "SECRET_KEY", "written": True, "key": None}
    assert key_file.read_text() not in result.output
    assert key_file.stat().st_mode & 0o077 == 0
    rotated = load(_env_file=None, database_url=settings.database_url)
    assert rotated.secret_keys[0] == settings.secret_key.get_secret_value() != rotated.secret_keys[-1]
    settings.secret_key, settings.secret_key_fallbacks = rotated.secret_key, rotated.secret_key_fallbacks
    assert tokens._plain(tokens.REFRESH).loads(refresh) == "signed before"


@NEEDS_NO_DATABASE
def test_key_files_keep_owner_group_and_rights(
    runner: FlaskCliRunner, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key_file, fallbacks_file = tmp_path / "key", tmp_path / "fallbacks"
    for file, text in ((key_file, settings.secret_key.get_secret_value()), (fallbacks_file, "a longer text " * 20)):
        file.write_text(text)
        file.chmod(0o640)
    monkeypatch.setenv("SECRET_KEY_FILE", str(key_file))
    monkeypatch.setenv("SECRET_KEY_FALLBACKS_FILE", str(fallbacks_file))
    before = key_file.stat()
    monkeypatch.setattr(os, "chown", _refuse)  # As for a user who may write the files, but not give others away.

    result = runner.invoke(args=["auth", "keys", "rotate", "--stolen", "--yes"])

    assert result.exit_code == 0
    after = key_file.stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode), "it is the same file"
    assert len(key_file.read_text()) >= 64
    assert fallbacks_file.read_text() == ""
    assert sorted(path.name for path in tmp_path.glob("[kftT]*")) == ["fallbacks", "key"], "and no draft is left"


def _refuse(*_arguments: object) -> None:
    raise PermissionError


@NEEDS_NO_DATABASE
def test_files_of_access_token_keys_are_rotated_and_old_tokens_stay_good(
    runner: FlaskCliRunner, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key_file, fallbacks_file = tmp_path / "key", tmp_path / "fallbacks"
    key_file.write_text(settings.jwt_secret.get_secret_value())
    monkeypatch.setenv("JWT_SECRET_FILE", str(key_file))
    monkeypatch.setenv("JWT_SECRET_FALLBACKS_FILE", str(fallbacks_file))

    result = runner.invoke(args=["auth", "keys", "rotate", "jwt_secret", "--yes"])

    assert result.stdout == f"Written. Restart every process, and empty {fallbacks_file} after 1 hour.\n"
    rotated = load(_env_file=None, database_url=settings.database_url)
    assert rotated.jwt_secrets[0] != rotated.jwt_secrets[1] == settings.jwt_secret.get_secret_value()


def test_an_environment_beats_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_PORT", "2525")

    assert setting_origins.origins()["smtp_port"] == "environment"


def test_what_a_command_took_over_from_dotenv_is_the_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SMTP_PORT=2525\nAPP_NAME=Theirs\n")
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    monkeypatch.setenv("SMTP_PORT", "2525")  # as Flask's command line does
    monkeypatch.setenv("APP_NAME", "Ours")

    origins = setting_origins.origins()

    assert (origins["smtp_port"], origins["app_name"]) == ("file", "environment")
