"""`flask auth seed`: people to try things with, in development."""

import click
from flask.cli import with_appcontext

from chirp_auth.admin import demo_accounts
from chirp_auth.cli._common.output import REFUSED, as_json_option, print_rows, stop
from chirp_auth.cli._common.prompts import operator
from chirp_auth.extensions import settings


@click.command("seed")
@with_appcontext
@as_json_option
def seed(as_json: bool) -> None:
    """Make sure of the demo accounts, in development only. One is active, one unverified, one locked.

    Example: flask --app wsgi auth seed
    """
    if settings.in_production:
        stop("seed is for development: production gets no demo accounts. Use: auth user create", REFUSED)
    rows = [{"email": email, "status": status} for email, status in demo_accounts.create_missing(operator())]
    print_rows(("email", "status"), rows, as_json=as_json)
    if not as_json:
        click.echo(f"Their first password is in {settings.beside_database('demo-password')}.", err=True)
