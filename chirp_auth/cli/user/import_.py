"""`flask auth user import`: many accounts at once, from a file."""

import json
import sys
from io import TextIOWrapper
from pathlib import Path

import click
from flask.cli import with_appcontext

from chirp_auth.admin import user_import
from chirp_auth.cli._common.output import FAILED, as_json_option, done, progress
from chirp_auth.cli._common.prompts import dry_run_option, operator
from chirp_auth.cli.user import import_rows
from chirp_auth.formatting import counted


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
    invitation. The apostrophe that CSV exports put before a formula is taken away.

    Example: flask --app wsgi auth user import users.csv --dry-run
    """
    form = form or ("jsonl" if file.suffix.lower() in (".jsonl", ".ndjson", ".json") else "csv")

    def print_error(number: int, sentence: str) -> None:
        click.echo(
            json.dumps({"line": number, "refused": sentence}) if as_json else f"line {number}: {sentence}", err=True
        )

    # Read bytes: standard input as text has the terminal's encoding and keeps a byte order mark.
    binary = sys.stdin.buffer if str(file) == "-" else file.open("rb")
    text = TextIOWrapper(binary, encoding="utf-8-sig", errors="replace", newline="")
    with text, progress("Importing") as advance:
        rows = import_rows.of_json(text) if form == "jsonl" else import_rows.of_csv(text)
        if dry_run:
            result = user_import.check(rows, print_error, advance)
        else:
            result = user_import.import_users(rows, operator(), print_error, advance)
    verb = "Would import" if dry_run else "Imported"
    sentence = (
        f"{verb} {counted(result.imported, 'account')} ({result.invited} of them by invitation), "
        f"skipped {result.skipped} that were there, refused {counted(result.refused, 'line')}."
    )
    counts = {name: getattr(result, name) for name in ("imported", "invited", "skipped", "refused")}
    done(sentence, as_json=as_json, **counts)
    if result.refused:
        raise SystemExit(FAILED)
