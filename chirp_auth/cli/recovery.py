"""`flask auth recovery …`: people who lost their second factors and wait for the time to be over."""

import click
from flask.cli import AppGroup

from chirp_auth.admin import factors
from chirp_auth.cli._common.output import as_json_option, done, print_rows, refusals_in_words
from chirp_auth.cli._common.prompts import (
    account,
    confirm,
    dry_run_option,
    nothing_to_ask_option,
    operator,
    yes_option,
)
from chirp_auth.formatting import counted, iso
from chirp_auth.models import FactorRecovery
from chirp_auth.security.client import device_in_words

COLUMNS = ("email", "started_at", "due_at", "told_at", "device", "ip")

recovery = AppGroup(
    "recovery", help="People who lost their second factors.\n\nExample: flask --app wsgi auth recovery list"
)


@recovery.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1_000_000), help="How many.")
@as_json_option
def show(limit: int, as_json: bool) -> None:
    """List the recoveries that are open. The next to end comes first.

    Example: flask --app wsgi auth recovery list
    """
    print_rows(COLUMNS, map(_row, factors.waiting(limit)), as_json=as_json)


@recovery.command("approve")
@click.argument("who")
@click.option("--reason", required=True, help="How you know that it is the owner, for the audit trail.")
@yes_option
@dry_run_option
@as_json_option
def approve(who: str, reason: str, yes: bool, dry_run: bool, as_json: bool) -> None:
    """End the waiting time of an account's recovery. Be sure that it is the owner who asks.

    Authenticator app, recovery codes and passkeys are removed at once, and every session ends. The owner is told by
    mail.

    Example: flask --app wsgi auth recovery approve alice@example.com --reason "identity card seen"
    """
    user = account(who)
    if dry_run:
        words = f"Would turn off the second factors of {user.email}."
        done(words, as_json=as_json, id=str(user.id), approved=False)
        return
    confirm(f"Turn off the second factors of {user.email} at once?", yes=yes)
    with refusals_in_words():
        ended = factors.approve(user, reason, operator())
    sentence = (
        f"The second factors of {user.email} are off; {counted(ended, 'session')} ended. The owner is told by mail."
    )
    done(sentence, as_json=as_json, id=str(user.id), approved=True, ended=ended)


@recovery.command("cancel")
@click.argument("who")
@click.option("--reason", help="For the audit trail.")
@nothing_to_ask_option
@as_json_option
def cancel(who: str, reason: str | None, as_json: bool) -> None:
    """Cancel an account's recovery. Its second factors stay as they are.

    Example: flask --app wsgi auth recovery cancel alice@example.com --reason "it was not the owner"
    """
    user = account(who)
    with refusals_in_words():
        factors.cancel(user, reason, operator())
    done(f"The recovery of {user.email} is cancelled.", as_json=as_json, id=str(user.id), cancelled=True)


def _row(row: FactorRecovery) -> dict[str, str | None]:
    return {
        "email": row.user.email,
        "started_at": iso(row.started_at),
        "due_at": iso(row.due_at),
        "told_at": iso(row.told_at),
        "device": device_in_words(row.user_agent),
        "ip": row.ip,
    }
