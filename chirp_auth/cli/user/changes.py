"""`flask auth user lock`, `unlock`, `delete` and `set-email`: what operators do to an account."""

from pathlib import Path

import click
from flask.cli import with_appcontext

from chirp_auth.admin import accounts, bulk_changes, support_links
from chirp_auth.cli._common import account_lists
from chirp_auth.cli._common.output import as_json_option, done, refusals_in_words
from chirp_auth.cli._common.prompts import (
    account,
    check_said_once,
    confirm,
    dry_run_option,
    nothing_to_ask_option,
    operator,
    yes_option,
)
from chirp_auth.formatting import counted


@click.command("lock")
@with_appcontext
@click.argument("who", required=False)
@account_lists.from_option
@click.option("--reason", help="For the audit trail.")
@click.option("--tell", is_flag=True, help="Mail the owner that the account is locked, without the reason.")
@yes_option
@dry_run_option
@as_json_option
def lock(
    who: str | None, file: Path | None, reason: str | None, tell: bool, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Lock an account, or many. Nobody signs in to it, its sessions end and its links die.

    Of many, those that are locked already are left alone, so that a stopped run can simply be repeated.

    Example: flask --app wsgi auth user lock alice@example.com --reason "stolen phone"
    """
    check_said_once(who, file, options="--from")
    if file:
        change = bulk_changes.locking(reason, tell=tell)
        account_lists.change_all(change, file, "Lock", yes=yes, dry_run=dry_run, as_json=as_json)
        return
    user = account(who or "")
    if dry_run:
        ended = accounts.living_sessions(user)
        words = f"Would lock {user.email} and end {counted(ended, 'session')}."
        done(words, as_json=as_json, id=str(user.id), ended=ended, dry_run=True)
        return
    confirm(f"Lock the account {user.email}?", yes=yes)
    with refusals_in_words():
        ended = accounts.lock(user, reason, operator(), tell=tell)
    done(f"{user.email} is locked; {counted(ended, 'session')} ended.", as_json=as_json, id=str(user.id), ended=ended)


@click.command("unlock")
@with_appcontext
@click.argument("who")
@click.option("--reason", help="For the audit trail.")
@click.option("--tell", is_flag=True, help="Mail the owner that the account is open again.")
@nothing_to_ask_option
@as_json_option
def unlock(who: str, reason: str | None, tell: bool, as_json: bool) -> None:
    """Unlock an account, and forget its failed sign-ins. The delay that they brought ends too.

    A deletion that the owner asked for is cancelled, within its seven days.

    Example: flask --app wsgi auth user unlock alice@example.com
    """
    user = account(who)
    accounts.unlock(user, reason, operator(), tell=tell)
    done(f"{user.email} is unlocked.", as_json=as_json, id=str(user.id))


@click.command("delete")
@with_appcontext
@click.argument("who")
@yes_option
@dry_run_option
@as_json_option
def delete(who: str, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Delete an account with its sessions, links and mails. Its events stay, without its address or its devices.

    The owner is told by mail. Logs, exports and backups are not touched.

    Example: flask --app wsgi auth user delete alice@example.com --dry-run
    """
    user = account(who)
    counts = {"sessions": accounts.living_sessions(user), "links": support_links.count_usable(user)}
    words = f"the account {user.email}, {counted(counts['sessions'], 'session')} and {counted(counts['links'], 'link')}"
    if dry_run:
        done(f"Would delete {words}.", as_json=as_json, id=str(user.id), deleted=False, **counts)
        return
    confirm(f"Delete {words}? This cannot be undone.", yes=yes)
    with refusals_in_words():
        accounts.delete(user, operator())
    done(f"Deleted {words}. The owner is told by mail.", as_json=as_json, id=str(user.id), deleted=True, **counts)


@click.command("set-email")
@with_appcontext
@click.argument("who")
@click.argument("email")
@click.option("--without-undo", is_flag=True, help="Give the old address no way back: its mailbox is in wrong hands.")
@yes_option
@as_json_option
def set_email(who: str, email: str, without_undo: bool, yes: bool, as_json: bool) -> None:
    """Give an account another address; it is asked to confirm it.

    The old address is told, and can take the change back for seven days.

    Example: flask --app wsgi auth user set-email alice@example.com alice@example.org
    """
    user = account(who)
    former = user.email
    confirm(f"Change the address of {former} to {email}, and end all its sessions?", yes=yes)
    with refusals_in_words():
        ended = accounts.set_email(user, email, operator(), undoable=not without_undo)
    sentence = f"{former} is now {user.email}; {counted(ended, 'session')} ended."
    done(sentence, as_json=as_json, id=str(user.id), email=user.email, ended=ended)
