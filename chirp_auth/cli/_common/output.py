"""What commands print: tables on a terminal, tab-separated lines in a pipe, JSON on request.

Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 refused.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NoReturn

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.progress import (
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from chirp_auth.errors import AuthError, EmailTaken, InvalidEmail, NotFound, PasswordTooWeak, UserNotFound

FAILED, USAGE, NOT_FOUND, REFUSED = 1, 2, 3, 4
CHUNK = 500
MAX_COLUMNS = 10_000
NEXT_STEPS: dict[type[AuthError], tuple[str, ...]] = {
    EmailTaken: ("See: flask --app wsgi auth user show ADDRESS",),
    InvalidEmail: ("Write it as name@host",),
    PasswordTooWeak: ("Choose another one, or let the owner choose: flask --app wsgi auth user create --invite",),
}
# Control characters steer a terminal; bidirectional ones make a text look like another (Trojan Source).
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

# The last four are the wide forms, which some spreadsheets read like the others.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_rows(columns: Sequence[str], rows: Iterable[dict[str, Any]], *, as_json: bool) -> None:
    """Print rows; `columns` are the JSON keys and the headings. Rows are printed as they come, except on a terminal."""
    if as_json:
        _print_json_list({name: row[name] for name in columns} for row in rows)
    elif sys.stdout.isatty():
        _print_table(columns, rows)
    else:
        lines = ("\t".join(inert(clean(row[name])) for name in columns) + "\n" for row in rows)
        while chunk := "".join(islice(lines, CHUNK)):
            click.echo(chunk, nl=False)


def print_facts(facts: dict[str, Any], *, as_json: bool) -> None:
    """Print the facts about one thing by name, and lists of rows below them."""
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    plain = {name: value for name, value in facts.items() if not isinstance(value, list)}
    width = max(map(len, plain)) if sys.stdout.isatty() else 0
    for name, value in plain.items():
        click.echo(f"{name:<{width}}  {clean(value)}" if width else f"{name}\t{inert(clean(value))}")
    for name, rows in facts.items():
        if isinstance(rows, list) and rows:
            click.echo(f"\n{name}:")
            print_rows(list(rows[0]), rows, as_json=False)


def clean(value: object) -> str:
    """Return a value as text that cannot steer a terminal: control characters become `?`, objects JSON text."""
    if isinstance(value, dict):
        value = json.dumps(value)
    return "" if value is None else _CONTROL.sub("?", str(value))


def inert(cell: str) -> str:
    """Return a cell of CSV or TSV that no spreadsheet takes for a formula (OWASP, CSV Injection).

    A cell that could begin a formula gets an apostrophe in front, and so does one that begins with apostrophes before
    such a cell: `as_written` restores every cell.
    """
    return f"'{cell}" if _FORMULA.match(cell) else cell


def as_written(cell: str) -> str:
    """Undo `inert`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def done(sentence: str, *, as_json: bool, **facts: Any) -> None:
    """Print what a command did: the sentence, or `facts` as JSON."""
    click.echo(json.dumps(facts, indent=2) if as_json else clean(sentence))


def stop(sentence: str, code: int) -> NoReturn:
    """Print why on standard error and exit with the code."""
    click.echo(f"Error: {clean(sentence)}", err=True)
    raise SystemExit(code)


@contextmanager
def refusals_in_words() -> Iterator[None]:
    """Print an `AuthError` as a sentence and exit with its code."""
    try:
        yield
    except (UserNotFound, NotFound) as refusal:
        stop(refusal.sentence, NOT_FOUND)
    except AuthError as refusal:
        stop(". ".join([refusal.sentence.rstrip("."), *NEXT_STEPS.get(type(refusal), ())]), REFUSED)


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show how far it is, on a terminal only, and how long it still takes if `total` is known; yield the callback."""
    if not sys.stderr.isatty():
        yield lambda _steps: None
        return
    columns: list[ProgressColumn] = [TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn()]
    if total:
        columns.append(TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda steps: bar.advance(task, steps)


def _print_table(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """Print a table, or one fact a line where the terminal is too narrow for it: a cut-off id is of no use."""
    table, screen = Table(*columns, box=SIMPLE_HEAD, pad_edge=False), Console()
    cleaned = [{name: clean(row[name]) for name in columns} for row in rows]
    for row in cleaned:
        table.add_row(*map(Text, row.values()))
    needed = Measurement.get(screen, screen.options.update(max_width=MAX_COLUMNS), table).minimum
    if not cleaned or needed <= screen.width:
        screen.print(table)
        return
    for row in cleaned:
        print_facts(row, as_json=False)
        click.echo()


def _print_json_list(rows: Iterable[dict[str, Any]]) -> None:
    """Print a JSON list row by row, so that memory does not grow with it."""
    texts = ("  " + json.dumps(row) for row in rows)
    before = "[\n"
    while chunk := ",\n".join(islice(texts, CHUNK)):
        click.echo(before + chunk, nl=False)
        before = ",\n"
    click.echo("\n]" if before != "[\n" else "[]")
