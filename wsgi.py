"""The application for servers, and for `flask --app wsgi …`; a server also gets the mail thread."""

import gc

# Nothing that starting makes becomes garbage: looking for some meanwhile is a tenth of the start, and looking at
# all of it again and again would be a part of every request.
gc.disable()

import click
from flask import Flask
from flask_migrate.cli import db as migrations

from chirp_auth import cli, create_app
from chirp_auth.cli import flask_run, without_settings
from chirp_auth.cli._common import stdio
from chirp_auth.runtime import logs
from chirp_auth.worker import delivery
from config import ConfigurationError, load


def _application() -> Flask:
    # Under the `flask` command there is a click context: operators' commands deliver no mail on the side, and only
    # what goes wrong is logged between their words.
    commanded = click.get_current_context(silent=True) is not None
    if commanded:
        stdio.replace_closed()
    try:
        settings = load()
        if commanded and (problems := list(flask_run.problems(settings))):
            raise ConfigurationError(problems)
    except ConfigurationError as error:
        if not commanded:
            raise
        return without_settings.application(error.problems, cli.auth, migrations)
    logs.configure(as_json=settings.in_production, only_trouble=commanded)
    made = create_app(settings)
    if settings.mail_worker == "thread" and not commanded:
        delivery.start_thread(made)
    return made


app = _application()

gc.freeze()
gc.enable()
