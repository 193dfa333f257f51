"""`flask auth restored`: what comes after putting a backup in place."""

from dataclasses import asdict

import click
from flask.cli import with_appcontext

from chirp_auth.admin import restored as restoring
from chirp_auth.admin.restored import Revived
from chirp_auth.cli._common.output import as_json_option, done
from chirp_auth.cli._common.prompts import confirm, dry_run_option, operator, yes_option
from chirp_auth.formatting import counted


@click.command("restored")
@click.option("--forget-passwords", is_flag=True, help="Take all passwords and passkeys away; owners reset by mail.")
@click.option("--keep-mail", is_flag=True, help="Let waiting mails go out, once more if they were sent before.")
@yes_option
@dry_run_option
@with_appcontext
@as_json_option
def restored(forget_passwords: bool, keep_mail: bool, yes: bool, dry_run: bool, as_json: bool) -> None:
    """End all that a restored backup brought back to life. Run it before the server starts again.

    All sessions, tokens, links, known browsers, open recoveries and unconfirmed changes of address end, and mails
    that wait are cancelled. Passwords, passkeys and second factors are those of the backup, also those that were
    replaced or removed since. Accounts that were locked or deleted since are open again: do that once more.

    Example: flask --app wsgi auth restored --dry-run
    """
    choice = {"forget_passwords": forget_passwords, "keep_mail": keep_mail}
    revived = restoring.count(**choice)
    if dry_run:
        done(f"Would end {_in_words(revived)}.", as_json=as_json, **asdict(revived), ended=False)
        return
    confirm(f"End {_in_words(revived)}?", yes=yes)
    revived = restoring.end_all(operator(), **choice)
    done(f"Ended {_in_words(revived)}.", as_json=as_json, **asdict(revived), ended=True)
    if not as_json:
        click.echo(
            "Next: lock and delete again what was locked or deleted since the backup; start the server.", err=True
        )


def _in_words(revived: Revived) -> str:
    ended = [
        counted(revived.sessions, "session"),
        counted(revived.links, "link"),
        counted(revived.devices, "known browser"),
        counted(revived.address_changes, "change") + " of address",
        counted(revived.recoveries, "waiting time") + " for lost second factors",
        counted(revived.mails, "waiting mail"),
        counted(revived.passkeys, "passkey"),
        counted(revived.passwords, "password"),
    ]
    return f"{', '.join(ended[:-1])} and {ended[-1]} of {counted(revived.accounts, 'account')}"
