"""`flask auth user …`: look at accounts and open them."""

import sys

import click
from flask.cli import AppGroup

from chirp_auth.accounts import registration, users
from chirp_auth.accounts.registration import Applicant
from chirp_auth.cli.output import as_json_option, operator, refusals_in_words, rows
from chirp_auth.models import User
from chirp_auth.words import iso

COLUMNS = ("id", "email", "name", "status", "created_at", "last_sign_in_at")

user = AppGroup("user", help="Look at accounts and open them.")


@user.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000), help="How many.")
@as_json_option
def show_newest(limit: int, as_json: bool) -> None:
    """List accounts, newest first.

    Example: flask --app wsgi auth user list --limit 10
    """
    rows(COLUMNS, [_row(found) for found in users.newest(limit)], as_json=as_json)


@user.command("create")
@click.argument("email")
@click.option("--first-name", help="First name.")
@click.option("--last-name", help="Last name.")
@click.option("--phone-number", help="Phone number, with its country code.")
@as_json_option
def create(email: str, first_name: str | None, last_name: str | None, phone_number: str | None, as_json: bool) -> None:
    """Open an account. The password comes from a prompt, or from standard input when that is no terminal.

    Example: flask --app wsgi auth user create alice@example.com --first-name Alice
    """
    applicant = Applicant(email, _read_password(), first_name, last_name, phone_number)
    with refusals_in_words():
        created = registration.create(applicant, operator())
    rows(COLUMNS, [_row(created)], as_json=as_json)


def _read_password() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def _row(found: User) -> dict[str, str | None]:
    status = "disabled" if found.disabled_at else "active" if found.email_verified_at else "unverified"
    return {
        "id": str(found.id),
        "email": found.email,
        "name": found.display_name,
        "status": status,
        "created_at": iso(found.created_at),
        "last_sign_in_at": iso(found.last_sign_in_at) if found.last_sign_in_at else None,
    }
