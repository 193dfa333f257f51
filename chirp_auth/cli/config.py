"""`flask auth config …`: the settings in effect, and the file to begin with."""

from collections.abc import Iterator
from typing import Any

import click
from flask.cli import AppGroup
from pydantic import SecretStr

from chirp_auth.cli._common import setting_origins
from chirp_auth.cli._common.output import as_json_option, print_rows
from chirp_auth.extensions import settings
from chirp_auth.runtime import settings_text
from config import FROM_FILES, ROOT, Settings

HEADINGS = {
    "app_env": "Application",
    "host": "Server",
    "public_url": "Addresses",
    "password_reset_token_expires_in": "Password reset",
    "jwt_secret": "JSON API",
    "smtp_host": "Mail",
    "bcrypt_cost": "Accounts",
    "keep_events_for": "Clean-up",
}

config = AppGroup(
    "config", help="The settings in effect, and the file to begin with.\n\nExample: flask --app wsgi auth config show"
)


@config.command("show")
@as_json_option
def show(as_json: bool) -> None:
    """Show every setting and where it comes from; secrets are masked.

    Example: flask --app wsgi auth config show
    """
    origins = setting_origins.origins()
    rows = [
        {"name": name.upper(), "value": settings_text.masked(getattr(settings, name)), "origin": origins[name]}
        for name in Settings.model_fields
    ]
    print_rows(("name", "value", "origin"), rows, as_json=as_json)


@config.command("example")
@as_json_option
def example(as_json: bool) -> None:
    """Print .env.example, ready to be copied to .env. It has every setting with its default.

    Example: flask --app wsgi auth config example > .env.example
    """
    if as_json:
        print_rows(("name", "default", "description", "from_file"), _documented(), as_json=True)
    else:
        click.echo(env_example(), nl=False)


def env_example() -> str:
    """Return the text of .env.example, made from the Settings class."""
    lines = ["# Copy this file to .env and take the # away from what you set. Nothing is needed in development.", ""]
    for setting in _documented():
        if heading := HEADINGS.get(setting["name"].lower()):
            lines += [f"# --- {heading} ---", ""]
        lines += [f"# {setting['description']}", f"# {setting['name']}={setting['default']}"]
        if setting["from_file"]:
            lines.append(f"# {setting['name']}_FILE=")
        lines.append("")
    return "\n".join(lines)


def _documented() -> Iterator[dict[str, Any]]:
    for name, field in Settings.model_fields.items():
        yield {
            "name": name.upper(),
            "default": _default(field.default),
            "description": field.description,
            "from_file": name in FROM_FILES,
        }


def _default(value: Any) -> str:
    """Return a default as it would be written; none where it depends on the machine, is empty or a secret."""
    if isinstance(value, SecretStr | list) or str(ROOT) in str(value):
        return ""
    return "" if value is None else settings_text.plain(value)
