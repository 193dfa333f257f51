"""Breached passwords: whether a password is in a local copy of a public corpus of stolen ones.

NIST SP 800-63B-4, 3.1.1.2, asks for this comparison. Nothing leaves the machine: the corpus is a file, made by
`flask auth breached build`. It has a head, then the first 8 bytes of each password's SHA-1, in ascending order; among
a billion of them, a password that is not in the corpus meets one by chance once in 10^10 tries.
"""

import mmap
import os
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path
from struct import Struct
from threading import Lock

import structlog

from config import CORPUS_MAGIC

HEAD = Struct(">8sQ")  # what the file is, and how many passwords it has
WIDTH = 8

log = structlog.get_logger("passwords")


class NotACorpus(ValueError):
    """The file is none that `flask auth breached build` made, or not the whole of it."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """An open file. `version` changes when another file takes its place."""

    size: int
    version: tuple[int, ...]
    _bytes: mmap.mmap

    def __contains__(self, password: str) -> bool:
        sought = prefix_of(sha1(password.encode("utf-8", "surrogatepass")).digest())  # noqa: S324 - the corpus has these
        low, high = 0, self.size
        while low < high:
            middle = (low + high) // 2
            if self._at(middle) < sought:
                low = middle + 1
            else:
                high = middle
        return low < self.size and self._at(low) == sought

    def _at(self, position: int) -> bytes:
        start = HEAD.size + position * WIDTH
        return self._bytes[start : start + WIDTH]


def prefix_of(digest: bytes) -> bytes:
    """Return as much of a SHA-1 digest as the file has."""
    return digest[:WIDTH]


def open_corpus(path: Path) -> Corpus:
    """Open the file; it is mapped into memory, of which it takes what the system can spare.

    Raises:
        NotACorpus: it is something else, or was cut short.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        head = file.read(HEAD.size)
        magic, size = HEAD.unpack(head) if len(head) == HEAD.size else (b"", 0)
        if magic != CORPUS_MAGIC or status.st_size != HEAD.size + size * WIDTH:
            raise NotACorpus
        return Corpus(size, _version(status), mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


_opened: dict[Path, Corpus] = {}
_opening = Lock()


def is_breached(password: str, path: Path) -> bool:
    """Say whether the corpus has the password.

    A new file counts from the next call on. One that went away, or is none, leaves the one before it in use; without
    such the answer is no: a lost list must not lock anybody out.
    """
    with _opening:
        try:
            if path not in _opened or _opened[path].version != _version(path.stat()):
                _opened[path] = open_corpus(path)
        except (OSError, NotACorpus) as error:
            log.error("the file of breached passwords cannot be used", reason=type(error).__name__)
        corpus = _opened.get(path)
    return corpus is not None and password in corpus


def _version(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
