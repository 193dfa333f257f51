"""`flask auth purge`: delete what is over and old."""

from datetime import timedelta

import click
from flask.cli import with_appcontext

from chirp_auth.admin import retention
from chirp_auth.cli._common.output import as_json_option, print_rows, progress
from chirp_auth.cli._common.prompts import Span, confirm, dry_run_option, operator, yes_option
from chirp_auth.formatting import counted


@click.command("purge")
@click.option("--older-than", type=Span(), help="In place of the policy, such as 90d.")
@yes_option
@dry_run_option
@with_appcontext
@as_json_option
def purge(older_than: timedelta | None, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Delete what is over and old. The worker does it hourly.

    That is: ended links and sessions, sent mails, old events and unconfirmed accounts.

    The policy: KEEP_EVENTS_FOR, KEEP_MAIL_FOR, 30 days for links and sessions after their end,
    and 7 days for an account whose address nobody confirms.

    Example: flask --app wsgi auth purge --older-than 90d --dry-run
    """
    old = retention.count(older_than)
    if not dry_run:
        if total := sum(old.values()):
            confirm(f"Delete {counted(total, 'row')}?", yes=yes)
        with progress("Deleting", total) as advance:
            old = retention.purge(operator(), older_than, advance, expected=total)
    print_rows(("table", "rows"), [{"table": table, "rows": count} for table, count in old.items()], as_json=as_json)
