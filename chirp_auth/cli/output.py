"""What commands print: tables on a terminal, tab-separated lines in a pipe, JSON on request.

Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 refused.
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from getpass import getuser
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.table import Table

from chirp_auth.errors import AuthError, UserNotFound
from chirp_auth.security.client import Client

FAILED, NOT_FOUND, REFUSED = 1, 3, 4
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def operator() -> Client:
    """Return who runs the command: the name of the system's user."""
    try:
        name = getuser()
    except (KeyError, OSError):  # a user id without a name, as containers have
        name = "unknown"
    return Client(face="cli", actor=name)


def rows(columns: Sequence[str], found: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    """Print rows; `columns` are the JSON keys and the headings."""
    if as_json:
        click.echo(json.dumps([{name: row[name] for name in columns} for row in found], indent=2))
    elif sys.stdout.isatty():
        table = Table(*columns)
        for row in found:
            table.add_row(*(clean(row[name]) for name in columns))
        Console().print(table)
    else:
        for row in found:
            click.echo("\t".join(clean(row[name]) for name in columns))


def clean(value: object) -> str:
    """Return a value as text that cannot steer a terminal: control characters become `?`."""
    return "" if value is None else _CONTROL.sub("?", str(value))


def stop(sentence: str, code: int) -> NoReturn:
    """Say why on standard error and end with the exit code."""
    click.echo(f"Error: {sentence}", err=True)
    raise SystemExit(code)


@contextmanager
def refusals_in_words() -> Iterator[None]:
    """Turn a rule's refusal into a sentence and an exit code."""
    try:
        yield
    except UserNotFound as refusal:
        stop(refusal.sentence, NOT_FOUND)
    except AuthError as refusal:
        stop(refusal.sentence, REFUSED)
