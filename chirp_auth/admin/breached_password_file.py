"""Making the file of breached passwords from the public corpus, as its own downloader leaves it.

That is either one file with a line `SHA-1:COUNT` for each password, in the order of the digests, or a folder with a
file for each five hex digits, named for them, whose lines go on from there (the ranges of the k-anonymous interface).
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

from chirp_auth.security.breached_passwords import HEAD, prefix_of
from config import CORPUS_MAGIC

RANGE_DIGITS = 5
REPORT_EVERY = 100_000

_RANGE = re.compile(rf"([0-9A-F]{{{RANGE_DIGITS}}})(\.txt)?", re.IGNORECASE)
_LINE = re.compile(r"([0-9A-F]{35}|[0-9A-F]{40})(?::([0-9]+))?", re.IGNORECASE)


class UnusableSource(ValueError):
    """The source is not such a corpus; the text says where, and what was expected."""


def build(source: Path, target: Path, at_least: int, on_progress: Callable[[int], None]) -> int:
    """Write the file and return how many passwords it has. It takes the place of an older one at once, or not at all.

    Args:
        at_least: leave out what was seen less often: half of the corpus was seen only once or twice.
        on_progress: gets the number of lines read since the last call.

    Raises:
        UnusableSource: a line is not what it must be.
        OSError: a file cannot be read or written.
    """
    with NamedTemporaryFile("wb", dir=target.parent, prefix=f".{target.name}.", delete=False) as draft:
        try:
            draft.write(HEAD.pack(CORPUS_MAGIC, 0))
            count = 0
            for digest in _digests(source, at_least, on_progress):
                draft.write(prefix_of(digest))
                count += 1
            draft.seek(0)
            draft.write(HEAD.pack(CORPUS_MAGIC, count))
            draft.flush()
            os.fsync(draft.fileno())
            Path(draft.name).chmod(0o644)  # Nothing in it is secret.
            Path(draft.name).replace(target)
        finally:
            Path(draft.name).unlink(missing_ok=True)
    return count


def _digests(source: Path, at_least: int, on_progress: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the digests in ascending order, each once."""
    last, unreported = b"", 0
    for path, start in _files(source):
        with path.open(encoding="ascii", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                unreported += 1
                if unreported == REPORT_EVERY:
                    on_progress(unreported)
                    unreported = 0
                if not line.strip():
                    continue
                match = _LINE.fullmatch(line.strip())
                if match is None or len(start) + len(match[1]) != 40:
                    raise UnusableSource(f"{path}, line {number}: not a SHA-1 digest with its count.")
                if int(match[2] or at_least) < at_least:
                    continue
                digest = bytes.fromhex(start + match[1])
                if digest < last:
                    raise UnusableSource(f"{path}, line {number}: not in ascending order. Sort the file first.")
                if prefix_of(digest) != prefix_of(last):
                    yield digest
                last = digest
    on_progress(unreported)


def _files(source: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files in the order of their digests, and how the digests of each begin."""
    if not source.is_dir():
        yield source, ""
        return
    ranges = sorted((match[1].upper(), path) for path in source.iterdir() if (match := _RANGE.fullmatch(path.name)))
    if not ranges:
        raise UnusableSource(f"{source} has no files that are named for {RANGE_DIGITS} hex digits, such as 00000.txt.")
    for start, path in ranges:
        yield path, start
