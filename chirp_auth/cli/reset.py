"""`flask auth reset …`: help people back into their accounts."""

import click
from flask.cli import AppGroup

from chirp_auth.accounts import password_reset, users
from chirp_auth.cli.output import operator, refusals_in_words
from chirp_auth.errors import UserNotFound

reset = AppGroup("reset", help="Help people back into their accounts.")


@reset.command("send")
@click.argument("email")
def send(email: str) -> None:
    """Mail a reset link to the account with this address (or id), as if its owner had asked.

    Example: flask --app wsgi auth reset send alice@example.com
    """
    with refusals_in_words():
        user = users.find_by_id_or_email(email)
        if user is None:
            raise UserNotFound(f"No account has the address or id {email}. See: flask --app wsgi auth user list")
        password_reset.request_link(user.email, operator())
    click.echo(f"A reset link for {user.email} is queued; the mail worker sends it.")
