"""What `export` commands share: rows as CSV or JSON lines into a file or a pipe, or onto a terminal."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any

import click

from chirp_auth.cli._common.output import FAILED, clean, inert, progress, stop

output_option = click.option(
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    default="-",
    help="A file to write instead of standard output.",
)


@contextmanager
def opened(path: Path) -> Iterator[IO[str]]:
    """Open the file, or standard output for `-`; exit with a sentence if the file cannot be written."""
    try:
        if str(path) != "-":
            path.touch(mode=0o600)  # Personal data: for its owner only.
        with click.open_file(str(path), "w", encoding="utf-8") as output:
            yield output
            output.flush()
    except OSError as error:
        if str(path) == "-":
            raise
        stop(f"{path} could not be written: {error.strerror}.", FAILED)


def write(
    output: IO[str], form: str, columns: Sequence[str], rows: Iterable[dict[str, Any]], label: str, total: int | None
) -> None:
    """Write the rows one by one, as `form`: csv or jsonl. No spreadsheet takes a CSV cell for a formula.

    On a terminal, control characters are replaced and there is no progress bar, which would break up the rows.
    """
    on_terminal = output.isatty()
    table = csv.DictWriter(output, columns) if form == "csv" else None
    if table:
        table.writeheader()
    with nullcontext(_ignore) if on_terminal else progress(label, total) as advance:
        for row in rows:
            if table:
                cells = {name: _cell(value) for name, value in row.items()}
                table.writerow({name: clean(value) for name, value in cells.items()} if on_terminal else cells)
            else:
                line = json.dumps(row)
                output.write(f"{clean(line) if on_terminal else line}\n")
            advance(1)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return json.dumps(value)
    return inert(value) if isinstance(value, str) else value


def _ignore(_steps: int) -> None:
    pass
