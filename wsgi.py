"""The application for any WSGI server, and for `flask --app wsgi …`. It starts nothing."""

import gc

import structlog
from flask import Flask
from flask_migrate.cli import db as migration_commands

from chirp_auth import cli, create_app
from chirp_auth.cli import flask_run, without_settings
from chirp_auth.cli._common import stdio
from chirp_auth.extensions import db
from chirp_auth.runtime import health, logs
from config import ConfigurationError, load


def _application() -> Flask:
    # Under the `flask` command only warnings and errors are logged, between its own output.
    commanded = flask_run.is_flask_command()
    if commanded:
        stdio.replace_closed()
    try:
        settings = load()
        if commanded and (problems := list(flask_run.problems(settings))):
            raise ConfigurationError(problems)
    except ConfigurationError as error:
        if not commanded:
            raise
        return without_settings.application(error.problems, cli.auth, migration_commands)
    logs.configure(as_json=settings.in_production, only_trouble=commanded)
    application = create_app(settings)
    if not commanded or flask_run.is_running():
        _say_what_is_missing(application)
    return application


def _say_what_is_missing(application: Flask) -> None:
    """Another server than ours migrates nothing and starts no worker: whoever starts it has to know."""
    log = structlog.get_logger("server")
    log.warning("mail needs a worker", start="flask --app wsgi auth worker")
    with application.app_context():
        if reason := health.flaw():
            log.warning("database not ready", reason=reason)
        db.engine.dispose()  # The server may fork: leave it no open connection.


app = _application()

gc.freeze()  # It lives for as long as the process: collections need not look at it.
