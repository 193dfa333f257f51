"""`flask auth user import` and `export`: many accounts at once, from a file and into one."""

import csv
import json
import sys
from collections.abc import Iterator
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import click
from flask.cli import with_appcontext
from sqlalchemy import func, select

from chirp_auth.accounts import users
from chirp_auth.accounts.operators import audit_trail, import_users
from chirp_auth.accounts.operators.import_users import FIELDS, Line
from chirp_auth.cli.manners.asking import dry_run_option, operator
from chirp_auth.cli.manners.exporting import opened, output_option, write
from chirp_auth.cli.manners.output import FAILED, USAGE, as_json_option, clean, done, progress, stop
from chirp_auth.extensions import db
from chirp_auth.models import User
from chirp_auth.words import counted, iso

MAX_LINE_CHARACTERS = 20_000
MAX_LINES_OF_ONE = 10  # A quoted field may have line breaks in it, but not that many.
EVERYBODY = 2**31 - 1
UNDECODABLE = "\N{REPLACEMENT CHARACTER}"
NOT_READABLE = f"{UNDECODABLE}\n"
EXPORTED = ("id", "email", "first_name", "last_name", "phone_number", "email_verified", "status", "created_at")


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), help="Without it by the file's name.")
@dry_run_option
@with_appcontext
@as_json_option
def import_file(file: Path, form: str | None, dry_run: bool, as_json: bool) -> None:
    """Import accounts from CSV or JSON lines. CSV has a heading line; - is standard input.

    Fields: email, and optionally password_hash (bcrypt), first_name, last_name, phone_number, email_verified
    (true unless this or the status says otherwise), created_at and status. Without a hash the owner is mailed an
    invitation. Whoever has an account already is skipped, so that a stopped import can simply be repeated. Refused
    lines are listed on standard error by their number, and then the exit code is 1; a quote that is left open ends
    the reading.

    An export can be imported: its ids are ignored, and an account whose status is locked comes in locked, without an
    invitation.

    Example: flask --app wsgi auth user import users.csv --dry-run
    """
    form = form or ("jsonl" if file.suffix.lower() in (".jsonl", ".ndjson", ".json") else "csv")

    def refused(number: int, sentence: str) -> None:
        click.echo(
            json.dumps({"line": number, "refused": sentence}) if as_json else f"line {number}: {sentence}", err=True
        )

    # The bytes of standard input, whose text would have the terminal's encoding and no byte order mark.
    binary = sys.stdin.buffer if str(file) == "-" else file.open("rb")
    text = TextIOWrapper(binary, encoding="utf-8-sig", errors="replace", newline="")
    with text, progress("Importing") as advance:
        lines = _json_lines(text) if form == "jsonl" else _csv_lines(text)
        if dry_run:
            tally = import_users.check(lines, refused, advance)
        else:
            tally = import_users.import_users(lines, operator(), refused, advance)
    verb = "Would import" if dry_run else "Imported"
    sentence = (
        f"{verb} {counted(tally.imported, 'account')} ({tally.invited} of them by invitation), "
        f"skipped {tally.skipped} that were there, refused {counted(tally.refused, 'line')}."
    )
    counts = {name: getattr(tally, name) for name in ("imported", "invited", "skipped", "refused")}
    done(sentence, as_json=as_json, **counts)
    if tally.refused:
        raise SystemExit(FAILED)


@click.command("export")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@output_option
@with_appcontext
@click.option("--json", "as_json", is_flag=True, help="The same as --format jsonl.")
def export(form: str, output: Path, as_json: bool) -> None:
    """Write all accounts, without their password hashes. Newest first; the audit trail tells who did it.

    `user import` reads it; the owners are invited then to choose a password.

    Example: flask --app wsgi auth user export --output users.csv
    """
    with opened(output) as text:
        total = db.session.scalar(select(func.count()).select_from(User)) or 0
        audit_trail.note("user.exported", operator(), accounts=total)
        form = "jsonl" if as_json else form
        write(text, form, EXPORTED, map(_exported, users.listed(EVERYBODY)), "Exporting", total)


def _exported(found: User) -> dict[str, Any]:
    return {
        "id": str(found.id),
        "email": found.email,
        "first_name": found.first_name,
        "last_name": found.last_name,
        "phone_number": found.phone_number,
        "email_verified": "true" if found.email_verified_at else "false",
        "status": users.status(found),
        "created_at": iso(found.created_at),
    }


def _csv_lines(text: TextIO) -> Iterator[Line]:
    """Yield the lines of a CSV file by its headings; what is not CSV over several lines is the last that is read.

    Only a quote makes one of several lines, and where it should have been closed nobody knows: what comes next may be
    the inside of a field, which must not be taken for accounts.
    """
    lines = _bounded(text)
    headings = [heading.strip().lower() for heading in _heading(lines)]
    _check_fields(headings)
    number = 2
    while True:
        reader = csv.reader(islice(lines, MAX_LINES_OF_ONE), strict=True)
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if reader.line_num > 1:
                yield Line(number, {}, "A quote opens here and is not closed as it should. Nothing after it was read.")
                return
            yield Line(number, {}, f"The line is not readable CSV: {error}.")
            number += 1
            continue
        if any(UNDECODABLE in value for value in values):
            yield Line(number, {}, "The line is not UTF-8, or it is too long.")
        elif values and len(values) != len(headings):
            yield Line(number, {}, f"The line has {len(values)} fields where the heading has {len(headings)}.")
        elif values:
            yield Line(number, dict(zip(headings, values, strict=True)))
        number += reader.line_num


def _heading(lines: Iterator[str]) -> list[str]:
    try:
        return next(csv.reader(islice(lines, 1), strict=True), [])
    except csv.Error:
        return []


def _json_lines(text: TextIO) -> Iterator[Line]:
    """Yield the lines of a file with a JSON object on each."""
    for number, line in enumerate(_bounded(text), 1):
        if not line.strip():
            continue
        if UNDECODABLE in line:
            yield Line(number, {}, "The line is not UTF-8, or it is too long.")
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            yield Line(number, {}, "The line is not a JSON object.")
        elif unknown := _unknown(found):
            yield Line(number, {}, f"The line has unknown fields: {unknown}.")
        else:
            yield Line(number, {name: _text(value) for name, value in found.items()})


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _check_fields(headings: list[str]) -> None:
    if "email" not in headings:
        stop("The first line must name the fields, and one must be email.", USAGE)
    if unknown := _unknown(headings):
        stop(f"The file has unknown fields: {unknown}. It may have: {', '.join(FIELDS)}.", USAGE)
    if len(set(headings)) != len(headings):
        stop("The first line names a field twice.", USAGE)


def _unknown(names: Any) -> str:
    return ", ".join(clean(name)[:40] for name in names if name not in FIELDS)


def _bounded(text: TextIO) -> Iterator[str]:
    """Yield the lines; of one that is too long only that, and whether it leaves a quote open."""
    while line := text.readline(MAX_LINE_CHARACTERS):
        rest, quotes = line, line.count('"')
        while not rest.endswith("\n") and len(rest) == MAX_LINE_CHARACTERS:
            rest = text.readline(MAX_LINE_CHARACTERS)
            quotes += rest.count('"')
        yield line if rest is line else '"' * (quotes % 2) + NOT_READABLE
