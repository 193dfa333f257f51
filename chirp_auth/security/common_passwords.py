"""Common passwords: the ones that attackers try first, also in the decoration that password rules teach.

NOTICE names where the list is from and its licences; `scripts/common_passwords.py` makes it.
"""

import gzip
import re
import string
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import lru_cache
from io import BytesIO
from itertools import chain, islice, pairwise
from pathlib import Path

# Trying a word with years, counted digits and signs takes some 16 guesses: with 6,000 words that makes the 100,000 of
# PASSWORD_MIN_GUESSES. Rarer words get through here, and are left to the estimate.
DECORATED_WORDS = 6_000
MAX_DECORATION_STEPS = 4
MIN_CORE_CHARACTERS = 3

_LIST = Path(__file__).with_name("common-passwords.txt.gz")
_PREDICTABLE = Path(__file__).with_name("predictable-words.txt")

# The letters that signs and digits stand for; 1, ! and | may be an i or an l.
LETTERS_FOR_SIGNS = [str.maketrans("48@({[<36905$7+2%1!|", f"abacccceggossttzx{letter * 3}") for letter in "il"]
_SIGNS = string.digits + string.punctuation + " "
_SEPARATORS = re.compile(r"[\s_.-]+")
_YEAR = re.compile(r"(?:19|20)\d\d")


class WordSet:
    """A set of lines, a word on each, for eight bytes a word: their hashes, in order.

    A word that is not in it passes for one that is once in 10^14 times.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._hashes = array("q", sorted(map(hash, lines)))

    def __contains__(self, word: str) -> bool:
        sought = hash(f"{word}\n".encode())
        at = bisect_left(self._hashes, sought)
        return at < len(self._hashes) and self._hashes[at] == sought


def is_common(password: str) -> bool:
    """Say whether attackers try this first: a common password, or a common word with predictable decoration.

    Upper case, signs in place of letters and separators do not count. What was put before or behind a word counts in
    steps: `2025!` is two, a year and a sign; so is `123!`, for whoever tries 1 tries 12 and 123 too.
    """
    text = password.casefold()
    return any(reading in _common() for reading in _readings(text)) or _is_decorated(text)


def _readings(text: str) -> Iterator[str]:
    """Return the text, and what it says when signs and digits stand for letters."""
    yield text
    yield _SEPARATORS.sub("", text)
    for table in LETTERS_FOR_SIGNS:
        yield text.translate(table)


def _is_decorated(text: str) -> bool:
    # A sign at an end is decoration in Summer@, and a letter in @pple.
    cores = {text.strip(_SIGNS), text.rstrip(_SIGNS), text.lstrip(_SIGNS)}
    return any(len(core) >= MIN_CORE_CHARACTERS and _is_word_with_little_more(text, core) for core in cores)


def _is_word_with_little_more(text: str, core: str) -> bool:
    before, _, behind = text.partition(core)
    little = _steps(before) + _steps(behind) <= MAX_DECORATION_STEPS
    return little and any(reading in _decorated_words() for reading in _readings(core))


def _steps(decoration: str) -> int:
    """Count a year as one sign, and one that repeats the sign before it, or counts up or down from it, as none."""
    signs = "\0" + _YEAR.sub("y", decoration)
    return sum(abs(ord(sign) - ord(before)) > 1 for before, sign in pairwise(signs))


@lru_cache(maxsize=1)
def _common() -> WordSet:
    return WordSet(_listed())


@lru_cache(maxsize=1)
def _decorated_words() -> WordSet:
    return WordSet(chain(islice(_listed(), DECORATED_WORDS), _PREDICTABLE.read_bytes().splitlines(keepends=True)))


def _listed() -> BytesIO:
    return BytesIO(gzip.decompress(_LIST.read_bytes()))
