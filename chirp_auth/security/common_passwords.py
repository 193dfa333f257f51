"""Common passwords: those that attackers try first, also with the decoration that password rules teach.

NOTICE names the sources of the list and their licences; `scripts/common_passwords.py` makes it.
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

# A word with its usual years, digits and signs is about 16 guesses; 6,000 words are the 100,000 guesses of
# PASSWORD_MIN_GUESSES. Rarer words pass here and are left to the estimate.
DECORATED_WORDS = 6_000
MAX_DECORATION_STEPS = 4
MIN_CORE_CHARACTERS = 3

_LIST = Path(__file__).with_name("common-passwords.txt.gz")
_PREDICTABLE = Path(__file__).with_name("predictable-words.txt")

# Signs and digits to the letters that they stand for; 1, ! and | may be an i or an l.
LETTERS_FOR_SIGNS = [str.maketrans("48@({[<36905$7+2%1!|", f"abacccceggossttzx{letter * 3}") for letter in "il"]
_SIGNS = string.digits + string.punctuation + " "
_SEPARATORS = re.compile(r"[\s_.-]+")
_YEAR = re.compile(r"(?:19|20)\d\d")


class WordSet:
    """A set of words, given as lines, in eight bytes each: their sorted hashes.

    A false positive happens once in 10^14 words.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._hashes = array("q", sorted(map(hash, lines)))

    def __contains__(self, word: str) -> bool:
        word_hash = hash(f"{word}\n".encode())
        index = bisect_left(self._hashes, word_hash)
        return index < len(self._hashes) and self._hashes[index] == word_hash


def is_common(password: str) -> bool:
    """Say whether attackers try this first: a common password, or a common word with predictable decoration.

    Upper case, signs in place of letters, and separators are ignored. Decoration before and after a word is counted in
    steps: `2025!` is two steps, a year and a sign; so is `123!`, as attackers who try 1 try 12 and 123, too.
    """
    text = password.casefold()
    return any(reading in _common() for reading in _readings(text)) or _is_decorated(text)


def _readings(text: str) -> Iterator[str]:
    """Yield the text, also without separators, and with letters in place of signs and digits."""
    yield text
    yield _SEPARATORS.sub("", text)
    for table in LETTERS_FOR_SIGNS:
        yield text.translate(table)


def _is_decorated(text: str) -> bool:
    # A sign at an end is decoration in Summer@, but a letter in @pple.
    cores = {text.strip(_SIGNS), text.rstrip(_SIGNS), text.lstrip(_SIGNS)}
    return any(len(core) >= MIN_CORE_CHARACTERS and _is_word_with_few_steps(text, core) for core in cores)


def _is_word_with_few_steps(text: str, core: str) -> bool:
    before, _, after = text.partition(core)
    has_few_steps = _steps(before) + _steps(after) <= MAX_DECORATION_STEPS
    return has_few_steps and any(reading in _decorated_words() for reading in _readings(core))


def _steps(decoration: str) -> int:
    """Count the signs; a year is one, and a sign that repeats, follows or precedes the one before it is none."""
    signs = "\0" + _YEAR.sub("y", decoration)
    return sum(abs(ord(sign) - ord(before)) > 1 for before, sign in pairwise(signs))


@lru_cache(maxsize=1)
def _common() -> WordSet:
    return WordSet(_lines())


@lru_cache(maxsize=1)
def _decorated_words() -> WordSet:
    return WordSet(chain(islice(_lines(), DECORATED_WORDS), _PREDICTABLE.read_bytes().splitlines(keepends=True)))


def _lines() -> BytesIO:
    return BytesIO(gzip.decompress(_LIST.read_bytes()))
