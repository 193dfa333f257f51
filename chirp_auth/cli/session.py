"""`flask auth session …`: where people are signed in, and ending that."""

import click
from flask.cli import AppGroup

from chirp_auth.accounts import sessions
from chirp_auth.admin import accounts
from chirp_auth.cli._common.output import as_json_option, done, print_rows
from chirp_auth.cli._common.prompts import account, confirm, dry_run_option, one_or_all, operator, yes_option
from chirp_auth.formatting import counted, iso
from chirp_auth.security.client import device_in_words

COLUMNS = ("id", "face", "device", "ip", "created_at", "last_seen_at", "expires_at")

session = AppGroup(
    "session", help="Where people are signed in.\n\nExample: flask --app wsgi auth session list alice@example.com"
)


@session.command("list")
@click.argument("who")
@as_json_option
def show(who: str, as_json: bool) -> None:
    """List where an account is signed in.

    Example: flask --app wsgi auth session list alice@example.com
    """
    rows = [
        {
            "id": str(row.id),
            "face": row.face,
            "device": device_in_words(row.user_agent),
            "ip": row.ip,
            "created_at": iso(row.created_at),
            "last_seen_at": iso(row.last_seen_at),
            "expires_at": iso(row.expires_at),
        }
        for row in sessions.living(account(who))
    ]
    print_rows(COLUMNS, rows, as_json=as_json)


@session.command("revoke")
@click.argument("who", required=False)
@click.option("--all-users", is_flag=True, help="The sessions of all accounts.")
@yes_option
@dry_run_option
@as_json_option
def revoke(who: str | None, all_users: bool, yes: bool, dry_run: bool, as_json: bool) -> None:
    """End all sessions of one account, or of all accounts, at once.

    Example: flask --app wsgi auth session revoke alice@example.com
    """
    user = one_or_all(who, everybody=all_users, option="--all-users")
    count = accounts.living_sessions(user)
    if dry_run:
        done(f"Would end {counted(count, 'session')}.", as_json=as_json, sessions=count, ended=False)
        return
    confirm(f"End {counted(count, 'session')} of {user.email if user else 'all accounts'}?", yes=yes)
    ended = accounts.end_sessions(user, operator())
    done(f"Ended {counted(ended, 'session')}.", as_json=as_json, sessions=ended, ended=True)
