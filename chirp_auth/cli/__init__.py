"""The operators' face: `flask --app wsgi auth …`, one file per noun."""

from flask.cli import AppGroup

from chirp_auth.cli.audit import audit
from chirp_auth.cli.openapi import openapi
from chirp_auth.cli.reset import reset
from chirp_auth.cli.user import user
from chirp_auth.cli.worker import worker

auth = AppGroup("auth", help="Look after accounts, sessions and mail.")
for command in (user, reset, audit, worker, openapi):
    auth.add_command(command)
