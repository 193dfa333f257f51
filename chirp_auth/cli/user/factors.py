"""`flask auth user reset-factors`: the last way back for somebody whose identity an operator knows."""

from dataclasses import asdict

import click
from flask.cli import with_appcontext

from chirp_auth.admin import factors
from chirp_auth.cli._common.output import as_json_option, done, refusals_in_words
from chirp_auth.cli._common.prompts import account, confirm, dry_run_option, operator, yes_option
from chirp_auth.formatting import counted


@click.command("reset-factors")
@with_appcontext
@click.argument("who")
@click.option("--reason", required=True, help="How you know that it is the owner, for the audit trail.")
@yes_option
@dry_run_option
@as_json_option
def reset_factors(who: str, reason: str, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Remove an account's second factors and passkeys. Be sure that it is the owner who asks.

    Authenticator app, recovery codes and passkeys go at once, without a waiting time, and every session ends. The
    owner is told by mail.

    Example: flask --app wsgi auth user reset-factors alice@example.com --reason "identity card seen"
    """
    user = account(who)
    present = factors.of(user)
    app = "the authenticator app, " if present.authenticator_app else ""
    codes, passkeys = counted(present.recovery_codes, "recovery code"), counted(present.passkeys, "passkey")
    words = f"{app}{codes} and {passkeys} of {user.email}"
    if dry_run:
        done(f"Would remove {words}.", as_json=as_json, id=str(user.id), removed=False, **asdict(present))
        return
    confirm(f"Remove {words}, and end all its sessions?", yes=yes)
    with refusals_in_words():
        ended = factors.remove_all(user, reason, operator())
    sentence = f"Removed {words}; {counted(ended, 'session')} ended. The owner is told by mail."
    done(sentence, as_json=as_json, id=str(user.id), removed=True, ended=ended, **asdict(present))
