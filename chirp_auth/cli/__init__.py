"""The operators' face: `flask --app wsgi auth …`, one file per noun."""

import errno
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from chirp_auth.cli._common import stdio
from chirp_auth.cli._common.output import FAILED, USAGE, stop
from chirp_auth.cli._common.prompts import ACTOR
from chirp_auth.cli.audit import audit
from chirp_auth.cli.breached import breached
from chirp_auth.cli.config import config
from chirp_auth.cli.doctor import doctor
from chirp_auth.cli.keys import keys
from chirp_auth.cli.mail import mail
from chirp_auth.cli.openapi import openapi
from chirp_auth.cli.purge import purge
from chirp_auth.cli.recovery import recovery
from chirp_auth.cli.reset import reset
from chirp_auth.cli.restored import restored
from chirp_auth.cli.seed import seed
from chirp_auth.cli.session import session
from chirp_auth.cli.trace import trace
from chirp_auth.cli.user import user
from chirp_auth.cli.worker import worker
from chirp_auth.extensions import db, driver_reason
from chirp_auth.runtime import health


class Operators(AppGroup):
    """The group of all commands; it turns what stops any of them into a sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SQLAlchemyError as error:
            db.session.rollback()
            reason = health.flaw() or _database_refusal(error)
            stop(f"{reason} See: flask --app wsgi auth doctor", FAILED)
        except UnicodeEncodeError:
            stop("An argument has bytes that are not UTF-8. See the locale: locale charmap", USAGE)
        except OSError as error:
            if error.errno == errno.EPIPE:  # Broken pipe (`… | head`): click exits quietly.
                raise
            stdio.drop_output()
            stop(f"{error.filename or 'The output'} could not be used: {error.strerror or error}.", FAILED)


def _database_refusal(error: SQLAlchemyError) -> str:
    """Return why a database that can be reached refused."""
    if "database is locked" in str(error):
        return "Another program keeps the database locked: stop it, or try again."
    return f"The database refused: {driver_reason(error)}."


def _remember_actor(actor: str | None) -> None:
    click.get_current_context().meta[ACTOR] = actor


auth = Operators(
    "auth",
    help="Look after accounts, sessions and mail.\n\nExample: flask --app wsgi auth doctor",
    params=[
        click.Option(["--as", "actor"], help="Who acts, for the audit trail; the system's user is on record beside it.")
    ],
    callback=_remember_actor,
)
COMMANDS = (
    *(user, reset, recovery, session, audit, mail, config, keys, breached),
    *(doctor, purge, restored, seed, trace, worker, openapi),
)
for command in COMMANDS:
    auth.add_command(command)
