"""`flask auth audit …`: the audit trail."""

import json
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from flask.cli import AppGroup

from chirp_auth.accounts import addresses, users
from chirp_auth.admin import audit_trail
from chirp_auth.audit import queries
from chirp_auth.cli._common.arguments import Ip, Moment
from chirp_auth.cli._common.event_rows import EVENT_COLUMNS, event_row
from chirp_auth.cli._common.export import opened, output_option, write
from chirp_auth.cli._common.output import (
    FAILED,
    REFUSED,
    USAGE,
    as_json_option,
    clean,
    done,
    inert,
    print_rows,
    progress,
    stop,
)
from chirp_auth.cli._common.prompts import account, confirm, operator, yes_option
from chirp_auth.errors import InvalidEmail
from chirp_auth.extensions import db
from chirp_auth.formatting import counted
from chirp_auth.models import SecurityEvent

SHOWN = ("id", "at", "kind", "outcome", "user_id", "face", "ip", "reference", "actor", "detail")
FOLLOW_SECONDS = 1.0

audit = AppGroup(
    "audit",
    help="""Look into the audit trail.

    Example: flask --app wsgi auth audit search --since 7d
    """,
)


@audit.command("search")
@click.option("--user", "who", help="Events of this account, by address or id; by its id also if it was deleted.")
@click.option("--email", help="Whatever happened to this address, whether or not it has an account.")
@click.option("--action", help="A kind, or its beginning, such as session or session.signed_in.")
@click.option("--outcome", help="An outcome, such as ok or wrong_password.")
@click.option("--ip", type=Ip(), help="Events from this IP address.")
@click.option("--since", type=Moment(), help="Only since then: 30m, 12h, 7d ago, or 2026-11-20T20:47:00Z.")
@click.option("--until", type=Moment(), help="Only before then, written likewise.")
@click.option("--before", type=click.IntRange(1, 2**63 - 1), help="Go on before this id, the page's last one.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 1_000_000), help="How many.")
@as_json_option
def search(who: str | None, email: str | None, action: str | None, limit: int, as_json: bool, **others: Any) -> None:
    """Search the audit trail, newest first.

    Example: flask --app wsgi auth audit search --user alice@example.com --since 7d
    """
    if who and email:
        stop("Say --user or --email: the events of an account, or of an address.", USAGE)
    subject = _subject_of_account(who) if who else _subject_of_address(email) if email else ()
    events = queries.search(limit, criteria=queries.Criteria(kind=action, **others), subject=subject)
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
@click.option("--since", type=Moment(), help="Only since then: 12h, 7d ago, or 2026-11-20; everything without it.")
@click.option("--until", type=Moment(), help="Only before then, written likewise.")
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@output_option
@click.option("--json", "as_json", is_flag=True, help="The same as --format jsonl.")
def export(since: datetime | None, until: datetime | None, form: str, output: Path, as_json: bool) -> None:
    """Write the audit trail, newest first, for keeping elsewhere.

    Example: flask --app wsgi auth audit export --since 30d --output audit.jsonl
    """
    rows = map(event_row, queries.search(criteria=queries.Criteria(since=since, until=until)))
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
        with progress("Verifying events", audit_trail.count_sealed()) as advance:
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


def _subject_of_account(text: str) -> queries.Subject:
    """Return what is of an account, or of one that was deleted; end with a sentence if there never was any."""
    user = users.find_by_id_or_email(text)
    if user is None:
        with suppress(ValueError):
            if deleted := queries.subject_of_deleted(UUID(text)):
                return deleted
    return queries.subject_of_user(user or account(text))


def _subject_of_address(email: str) -> queries.Subject:
    """Return what is of an address; any other text stays as it is and matches nothing."""
    try:
        key = addresses.parse(email).key
    except InvalidEmail:
        key = email
    return queries.subject_of_address(key, users.find(key))
