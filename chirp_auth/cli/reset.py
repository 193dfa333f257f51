"""`flask auth reset …`: reset links that an operator sends, shows or revokes."""

from pathlib import Path

import click
from flask.cli import AppGroup

from chirp_auth.admin import bulk_changes, support_links
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
from chirp_auth.formatting import counted, iso, when

reset = AppGroup(
    "reset", help="Help people back into their accounts.\n\nExample: flask --app wsgi auth reset send alice@example.com"
)


@reset.command("send")
@click.argument("who")
@nothing_to_ask_option
@as_json_option
def send(who: str, as_json: bool) -> None:
    """Mail a reset link to an account, as if its owner had asked. WHO is its address or id.

    Example: flask --app wsgi auth reset send alice@example.com
    """
    user = account(who)
    with refusals_in_words():
        support_links.mail_link(user, operator())
    sentence = f"A reset link for {user.email} is queued; the mail worker sends it."
    done(sentence, as_json=as_json, id=str(user.id), email=user.email, queued=True)


@reset.command("link")
@click.argument("who")
@yes_option
@as_json_option
def link(who: str, yes: bool, as_json: bool) -> None:
    """Print a link that resets the account's password, once. Be sure whom you give it to.

    It voids all earlier links and lives for 15 minutes. The owner is told by mail, the audit trail who made it.

    Example: flask --app wsgi auth reset link alice@example.com
    """
    user = account(who)
    confirm(f"Make a link that takes over the account {user.email}?", yes=yes)
    with refusals_in_words():
        result = support_links.create_link(user, operator())
    if not as_json:
        click.echo(f"{user.email} is told by mail. The link works once, until {when(result.expires_at)}:", err=True)
    done(
        result.url,
        as_json=as_json,
        id=str(user.id),
        link=result.url,
        expires_at=iso(result.expires_at),
    )


@reset.command("revoke")
@click.argument("who", required=False)
@click.option("--all", "everybody", is_flag=True, help="The links of all accounts.")
@account_lists.from_option
@yes_option
@dry_run_option
@as_json_option
def revoke(who: str | None, everybody: bool, file: Path | None, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Void the reset links of one account, of many or of all. Mails that would bring one are cancelled.

    Example: flask --app wsgi auth reset revoke alice@example.com
    """
    check_said_once(who, everybody, file, options="--from or --all")
    if file:
        change = bulk_changes.voiding_links()
        account_lists.change_all(change, file, "Void the links of", yes=yes, dry_run=dry_run, as_json=as_json)
        return
    user = account(who) if who else None
    links, mails = support_links.count_usable(user), support_links.count_promised(user)
    words = f"{counted(links, 'link')} and cancel {counted(mails, 'mail')}"
    if dry_run:
        done(f"Would void {words}.", as_json=as_json, links=links, mails=mails, voided=False)
        return
    confirm(f"Void {words} of {user.email if user else 'all accounts'}?", yes=yes)
    links, mails = support_links.revoke_links(user, operator())
    sentence = f"Voided {counted(links, 'link')}, cancelled {counted(mails, 'mail')}."
    done(sentence, as_json=as_json, links=links, mails=mails, voided=True)
