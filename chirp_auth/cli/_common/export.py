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
    """Open the file, or standard output for `-`; end with a sentence if the file cannot take it all."""
    try:
        if str(path) != "-":
            path.touch(mode=0o600)  # What an export holds is nobody else's.
        with click.open_file(str(path), "w", encoding="utf-8") as output:
            yield output
            output.flush()
    except OSError as error:
        if str(path) == "-":
            raise
        stop(f"{path} could not be written: {error.strerror}.", FAILED)


def write(
    output: IO[str], form: str, columns: Sequence[str], found: Iterable[dict[str, Any]], words: str, total: int | None
) -> None:
    """Write each row as it comes, `form` being csv or jsonl. No cell of CSV is a formula to a spreadsheet.

    A terminal gets neither what would steer it nor a progress bar, which would be drawn into the rows.
    """
    on_terminal = output.isatty()
    table = csv.DictWriter(output, columns) if form == "csv" else None
    if table:
        table.writeheader()
    with nullcontext(_tell_nobody) if on_terminal else progress(words, total) as advance:
        for row in found:
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
    return inert(value) if isinstance(value, str) else value


def _tell_nobody(_steps: int) -> None:
    pass
