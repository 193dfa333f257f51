"""`flask run`, Flask's own development server: what it must not be used for."""

from collections.abc import Iterator

import click
from flask.helpers import get_debug_flag

from config import Settings
from config_checks import exposed


def problems(settings: Settings) -> Iterator[str]:
    """Yield why the command under way must not serve with these settings; nothing if it is not `flask run`.

    Its debugger runs whatever code a visitor types, and its --host takes the place of HOST.
    """
    context = click.get_current_context()
    if context.info_name != "run":
        return
    if settings.in_production and (get_debug_flag() or context.params.get("debugger")):
        yield "APP_ENV=production allows no debugger: use make serve, or flask run without --debug."
    if exposure := exposed(settings, context.params.get("host", settings.host), "--host"):
        yield exposure.sentence
