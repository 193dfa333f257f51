"""`flask auth audit …`: the audit trail."""

import json
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import click
from flask.cli import AppGroup

from chirp_auth.accounts import addresses
from chirp_auth.admin import audit_trail
from chirp_auth.audit import queries
from chirp_auth.cli._common.event_rows import EVENT_COLUMNS, event_row
from chirp_auth.cli._common.export import opened, output_option, write
from chirp_auth.cli._common.output import (
    FAILED,
    REFUSED,
    as_json_option,
    clean,
    done,
    inert,
    print_rows,
    progress,
    stop,
)
from chirp_auth.cli._common.prompts import Span, account, confirm, operator, since, yes_option
from chirp_auth.errors import InvalidEmail
from chirp_auth.extensions import db
from chirp_auth.formatting import counted
from chirp_auth.models import SecurityEvent

SHOWN = ("at", "kind", "outcome", "user_id", "face", "ip", "reference", "actor", "detail")
FOLLOW_SECONDS = 1.0

audit = AppGroup(
    "audit",
    help="""Look into the audit trail.

    Example: flask --app wsgi auth audit search --since 7d
    """,
)


@audit.command("search")
@click.option("--user", "who", help="Events of this account, by address or id.")
@click.option("--email", help="Attempts on this address, whether or not it has an account.")
@click.option("--action", help="A kind, or its beginning, such as session or session.signed_in.")
@click.option("--outcome", help="An outcome, such as ok or wrong_password.")
@click.option("--since", "period", type=Span(), help="Only the last 30m, 12h, 7d …")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 1_000_000), help="How many.")
@as_json_option
def search(
    who: str | None,
    email: str | None,
    action: str | None,
    outcome: str | None,
    period: timedelta | None,
    limit: int,
    as_json: bool,
) -> None:
    """Search the audit trail, newest first.

    Example: flask --app wsgi auth audit search --user alice@example.com --since 7d
    """
    events = queries.search(
        limit,
        user=account(who) if who else None,
        email_key=_lookup_key(email),
        kind=action,
        outcome=outcome,
        since=since(period),
    )
    print_rows(EVENT_COLUMNS if as_json else SHOWN, map(event_row, events), as_json=as_json)


@audit.command("tail")
@click.option("--follow", "-f", is_flag=True, help="Go on as events happen, until Ctrl-C.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many to begin with.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
def tail(follow: bool, limit: int, as_json: bool) -> None:
    """Show the last events, oldest first.

    Example: flask --app wsgi auth audit tail -f
    """
    last = 0
    for event in queries.newest(limit):
        last = event.id
        _print_line(event, as_json=as_json)
    with suppress(KeyboardInterrupt):  # Ctrl-C is the way to end it.
        while follow:
            db.session.remove()
            for event in queries.since(last):
                last = event.id
                _print_line(event, as_json=as_json)
            time.sleep(FOLLOW_SECONDS)


@audit.command("export")
@click.option("--since", "period", type=Span(), help="Only the last 12h, 7d …; everything without it.")
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@output_option
@click.option("--json", "as_json", is_flag=True, help="The same as --format jsonl.")
def export(period: timedelta | None, form: str, output: Path, as_json: bool) -> None:
    """Write the audit trail, newest first, for keeping elsewhere.

    Example: flask --app wsgi auth audit export --since 30d --output audit.jsonl
    """
    rows = map(event_row, queries.search(since=since(period)))
    with opened(output) as text:
        write(text, "jsonl" if as_json else form, EVENT_COLUMNS, rows, "Exporting events", None)


@audit.command("verify")
@click.option(
    "--head",
    "heads",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Noted heads, such as a copy of AUDIT_HEAD_FILE from another machine; AUDIT_HEAD_FILE without it.",
)
@as_json_option
def verify(heads: Path | None, as_json: bool) -> None:
    """Check the seals over the audit trail. Exit code 1 if an event was changed, removed or slipped in.

    A problem is certain. A suspicion can have a harmless cause: an event whose transaction took long, or a wrong clock.
    Whoever holds the database can cut off the end of the trail, or delete all of it. Only heads that were noted
    elsewhere reveal that.

    Example: flask --app wsgi auth audit verify --head heads-from-the-log-server.txt
    """
    try:
        with progress("Verifying events") as advance:
            report = audit_trail.verify(advance, heads)
    except (OSError, ValueError) as error:
        stop(f"The noted heads cannot be read: {getattr(error, 'strerror', None) or error}.", FAILED)
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2))
    else:
        covered = f"{counted(report.events, 'event')} under {counted(report.seals, 'seal')}"
        click.echo(f"{covered}, {report.unsealed} not sealed yet.")
        click.echo(f"Head: {report.head}")
        for problem in report.problems:
            click.echo(problem)
        for suspicion in report.suspicions:
            click.echo(f"Suspicious: {suspicion}")
    findings = [(report.problems, "problem"), (report.suspicions, "suspicion")]
    if counts := [counted(len(sentences), word) for sentences, word in findings if sentences]:
        stop(f"{' and '.join(counts)} in the audit trail.", FAILED)


@audit.command("open-chapter")
@yes_option
@as_json_option
def open_chapter(yes: bool, as_json: bool) -> None:
    """Go on sealing although the last seal is broken.

    For when its key is lost, or you know what happened. It repairs nothing: the act is recorded, and verify keeps
    reporting what is wrong with the chapter before.

    Example: flask --app wsgi auth audit open-chapter
    """
    if (reason := audit_trail.flaw()) is None:
        stop("The last seal holds: there is no need for another chapter.", REFUSED)
    confirm(f"{reason} Build on the trail as it is, all the same?", yes=yes)
    number = audit_trail.open_chapter(operator())
    done(f"Seal {number} opens a chapter.", as_json=as_json, seal=number)


def _print_line(event: SecurityEvent, *, as_json: bool) -> None:
    row = event_row(event)
    if as_json:
        click.echo(json.dumps(row))
    else:
        cells = [clean(row[name]) for name in SHOWN]
        click.echo("  ".join(cells) if sys.stdout.isatty() else "\t".join(map(inert, cells)))


def _lookup_key(email: str | None) -> str | None:
    """Return the lookup form of an address; any other text stays as it is and matches nothing."""
    try:
        return addresses.parse(email).key if email else None
    except InvalidEmail:
        return email
