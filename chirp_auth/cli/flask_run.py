"""What the `flask` command is doing, and checks for `flask run`, Flask's development server."""

from collections.abc import Iterator

import click
from flask.cli import FlaskGroup
from flask.helpers import get_debug_flag

from config import Settings
from config_checks import exposed


def is_flask_command() -> bool:
    """Say whether the `flask` command is under way, and not another one that click reads, such as granian's."""
    context = click.get_current_context(silent=True)
    return context is not None and isinstance(context.find_root().command, FlaskGroup)


def is_running() -> bool:
    """Say whether the command under way is `flask run`."""
    return click.get_current_context().info_name == "run"


def problems(settings: Settings) -> Iterator[str]:
    """Yield why `flask run` must not serve with these settings; nothing for any other command.

    Its debugger runs code that a visitor types, and its --host overrides HOST.
    """
    if not is_running():
        return
    context = click.get_current_context()
    if settings.in_production and (get_debug_flag() or context.params.get("debugger")):
        yield "APP_ENV=production allows no debugger: use make serve, or flask run without --debug."
    if exposure := exposed(settings, context.params.get("host", settings.host), "--host"):
        yield exposure.sentence
