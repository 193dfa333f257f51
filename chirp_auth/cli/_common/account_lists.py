"""What commands share that change many accounts: the list, the question, and what became of it."""

import json
import sys
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

import click

from chirp_auth.admin import account_list
from chirp_auth.admin.bulk_changes import BulkChange
from chirp_auth.cli._common.output import NOT_FOUND, done, progress
from chirp_auth.cli._common.prompts import confirm, operator
from chirp_auth.formatting import counted

MAX_LINE_CHARACTERS = 1000  # More is no address.
NO_ACCOUNT = "no account has this address or id"

from_option = click.option(
    "--from",
    "file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="Many accounts, an address or id a line, from a file; - is standard input.",
)


def change_all(change: BulkChange, file: Path, verb: str, *, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Make the change to the accounts in the file, or with `dry_run` say what it would do.

    `verb` begins the question: Lock. Lines that name no account are listed on standard error by their number, without
    what is in them, and then the exit code is 3; the others are done.
    """

    def print_unknown(number: int) -> None:
        refusal = json.dumps({"line": number, "refused": NO_ACCOUNT}) if as_json else f"line {number}: {NO_ACCOUNT}"
        click.echo(refusal, err=True)

    if not dry_run:
        confirm(f"{verb} the accounts listed in {'standard input' if str(file) == '-' else file}?", yes=yes)
    binary = sys.stdin.buffer if str(file) == "-" else file.open("rb")
    text = TextIOWrapper(binary, encoding="utf-8-sig", errors="replace")
    with text, progress("Accounts") as advance:
        if dry_run:
            result = account_list.count_all(change, _lines(text), print_unknown, advance)
        else:
            result = account_list.change_all(change, _lines(text), operator(), print_unknown, advance)
    counts = [f"{name} {count}" for name, count in result.items() if name not in account_list.LINES]
    sentence = (
        f"{'Would change' if dry_run else 'Changed'} {counted(result[account_list.CHANGED], 'account')} "
        f"({', '.join(counts) or 'nothing'}), left {result[account_list.UNCHANGED]} as they were; "
        f"{counted(result[account_list.UNKNOWN], 'line')} without an account."
    )
    done(sentence, as_json=as_json, **result, dry_run=dry_run)
    if result[account_list.UNKNOWN]:
        raise SystemExit(NOT_FOUND)


def _lines(text: TextIO) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, with their numbers; of one that is too long only its beginning."""
    number = 0
    while line := text.readline(MAX_LINE_CHARACTERS):
        number += 1
        rest = line
        while len(rest) == MAX_LINE_CHARACTERS and not rest.endswith("\n"):
            rest = text.readline(MAX_LINE_CHARACTERS)
        if line.strip():
            yield number, line.strip()
