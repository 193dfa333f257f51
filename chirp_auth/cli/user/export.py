"""`flask auth user export`: all accounts, into a file."""

from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext

from chirp_auth.accounts import users
from chirp_auth.admin import audit_trail
from chirp_auth.cli._common.export import opened, output_option, write
from chirp_auth.cli._common.prompts import operator
from chirp_auth.formatting import iso
from chirp_auth.models import User

ALL_ACCOUNTS = 2**31 - 1
EXPORTED = ("id", "email", "first_name", "last_name", "phone_number", "email_verified", "status", "created_at")


@click.command("export")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@output_option
@with_appcontext
@click.option("--json", "as_json", is_flag=True, help="The same as --format jsonl.")
def export(form: str, output: Path, as_json: bool) -> None:
    """Write all accounts, without their password hashes. Newest first; the audit trail tells who did it.

    `user import` reads it; the owners are invited then to choose a password. In CSV an apostrophe stands before what
    a spreadsheet would take for a formula, such as a phone number that begins with +.

    Example: flask --app wsgi auth user export --output users.csv
    """
    with opened(output) as text:
        total = users.count()
        audit_trail.note("user.exported", operator(), accounts=total)
        form = "jsonl" if as_json else form
        write(text, form, EXPORTED, map(_exported, users.listed(ALL_ACCOUNTS)), "Exporting", total)


def _exported(user: User) -> dict[str, Any]:
    return {
        "id": str(user.id),
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "phone_number": user.phone_number,
        "email_verified": user.email_verified_at is not None,
        "status": users.status(user),
        "created_at": iso(user.created_at),
    }
