"""`flask auth session …`: where people are signed in, and ending that."""

from pathlib import Path
from uuid import UUID

import click
from flask.cli import AppGroup

from chirp_auth.accounts import sessions
from chirp_auth.admin import accounts, bulk_changes
from chirp_auth.cli._common import account_lists
from chirp_auth.cli._common.output import NOT_FOUND, as_json_option, done, print_rows, stop
from chirp_auth.cli._common.prompts import account, check_said_once, confirm, dry_run_option, operator, yes_option
from chirp_auth.formatting import counted, iso
from chirp_auth.models import User
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
@click.option("--id", "session_id", type=click.UUID, help="One session alone, by its id.")
@click.option("--all-users", is_flag=True, help="The sessions of all accounts.")
@account_lists.from_option
@yes_option
@dry_run_option
@as_json_option
def revoke(
    who: str | None,
    session_id: UUID | None,
    all_users: bool,
    file: Path | None,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """End one session, or all of an account, of many or of everybody.

    Example: flask --app wsgi auth session revoke alice@example.com
    """
    check_said_once(who, session_id, all_users, file, options="--id, --from or --all-users")
    if file:
        change = bulk_changes.ending_sessions()
        account_lists.change_all(change, file, "End all sessions of", yes=yes, dry_run=dry_run, as_json=as_json)
    elif session_id:
        _revoke_one(session_id, yes=yes, dry_run=dry_run, as_json=as_json)
    else:
        _revoke_all(account(who) if who else None, yes=yes, dry_run=dry_run, as_json=as_json)


def _revoke_one(session_id: UUID, *, yes: bool, dry_run: bool, as_json: bool) -> None:
    user = accounts.owner_of_session(session_id)
    if user is None:
        stop(f"There is no session {session_id}, or it is over. See: flask --app wsgi auth session list", NOT_FOUND)
    if dry_run:
        done(f"Would end a session of {user.email}.", as_json=as_json, sessions=1, ended=False)
        return
    confirm(f"End the session {session_id} of {user.email}?", yes=yes)
    if not sessions.end(session_id, user, operator()):
        stop(f"The session {session_id} ended meanwhile.", NOT_FOUND)
    done(f"Ended a session of {user.email}.", as_json=as_json, sessions=1, ended=True)


def _revoke_all(user: User | None, *, yes: bool, dry_run: bool, as_json: bool) -> None:
    count = accounts.living_sessions(user)
    if dry_run:
        done(f"Would end {counted(count, 'session')}.", as_json=as_json, sessions=count, ended=False)
        return
    confirm(f"End {counted(count, 'session')} of {user.email if user else 'all accounts'}?", yes=yes)
    ended = accounts.end_sessions(user, operator())
    done(f"Ended {counted(ended, 'session')}.", as_json=as_json, sessions=ended, ended=True)
