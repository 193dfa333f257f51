"""Reading a file of accounts, CSV or JSON lines, row by row and in bounded memory."""

import csv
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, TextIO

from chirp_auth.admin.user_import_rows import FIELDS, Row
from chirp_auth.cli._common.output import USAGE, as_written, clean, stop

MAX_LINE_CHARACTERS = 20_000
MAX_LINES_OF_ONE = 10  # A quoted field may have line breaks in it, but not that many.
UNDECODABLE = "\N{REPLACEMENT CHARACTER}"
NOT_READABLE = f"{UNDECODABLE}\n"


def of_csv(text: TextIO) -> Iterator[Row]:
    """Yield the rows of a CSV file by its headings; stop at a row over several lines that is not CSV.

    Only an open quote spans lines, and its end is unknown: what follows may be the inside of a field, which must not
    be imported as accounts.
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
                yield Row(number, {}, "A quote opens here and is not closed as it should. Nothing after it was read.")
                return
            yield Row(number, {}, f"The line is not readable CSV: {error}.")
            number += 1
            continue
        if any(UNDECODABLE in value for value in values):
            yield Row(number, {}, "The line is not UTF-8, or it is too long.")
        elif values and len(values) != len(headings):
            yield Row(number, {}, f"The line has {len(values)} fields where the heading has {len(headings)}.")
        elif values:
            yield Row(number, dict(zip(headings, map(as_written, values), strict=True)))
        number += reader.line_num


def _heading(lines: Iterator[str]) -> list[str]:
    try:
        return next(csv.reader(islice(lines, 1), strict=True), [])
    except csv.Error:
        return []


def of_json(text: TextIO) -> Iterator[Row]:
    """Yield the rows of a file with one JSON object a line."""
    for number, line in enumerate(_bounded(text), 1):
        if not line.strip():
            continue
        if UNDECODABLE in line:
            yield Row(number, {}, "The line is not UTF-8, or it is too long.")
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            yield Row(number, {}, "The line is not a JSON object.")
        elif unknown := _unknown(value):
            yield Row(number, {}, f"The line has unknown fields: {unknown}.")
        else:
            yield Row(number, {name: _text(field) for name, field in value.items()})


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
    """Yield the lines; replace one that is too long by a mark that keeps an open quote open."""
    while line := text.readline(MAX_LINE_CHARACTERS):
        rest, quotes = line, line.count('"')
        while not rest.endswith("\n") and len(rest) == MAX_LINE_CHARACTERS:
            rest = text.readline(MAX_LINE_CHARACTERS)
            quotes += rest.count('"')
        yield line if rest is line else '"' * (quotes % 2) + NOT_READABLE
