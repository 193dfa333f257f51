"""Checks of keys and secrets: whether one is easy to guess, and whether two were made from each other."""

import re
from difflib import SequenceMatcher

from zxcvbn_rs_py import zxcvbn

MIN_KEY_CHARACTERS = 32
MIN_GUESSES_LOG10 = 20  # 66 bits by zxcvbn, which counts 10 for each random character: 32 of those give 25 and more.
MIN_SHARED_CHARACTERS = 12  # Two random keys of 64 hex digits share as many once in 10^11 pairs.
MIN_OWN_CHARACTERS = 20  # With so many of its own, a key is strong without the shared part, such as a prefix.

_COUNTS_TO = 19.2  # log10 of 2^64, the most that zxcvbn counts to
_MOST_CHARACTERS = 100
_PIECE = 16  # A longer piece would reach the most that zxcvbn counts to.


def weakness(key: str) -> str | None:
    """Return what is wrong with a key, as the end of a sentence; None if it may well be random."""
    if not key:
        return "is missing"
    if len(key) < MIN_KEY_CHARACTERS:
        return f"is shorter than {MIN_KEY_CHARACTERS} characters"
    return "is easy to guess" if _is_guessable(key[:_MOST_CHARACTERS]) else None


def are_alike(one: str, other: str) -> bool:
    """Say whether one key was made from the other, with a few characters more, less, in another case or backwards."""
    first, second = one.casefold(), other.casefold()
    shared = max(_shared(first, text) for text in (second, second[::-1]))
    return shared >= MIN_SHARED_CHARACTERS and min(len(one), len(other)) - shared < MIN_OWN_CHARACTERS


def _shared(one: str, other: str) -> int:
    return SequenceMatcher(None, one, other, autojunk=False).find_longest_match().size


def _is_guessable(key: str) -> bool:
    """As a whole for repetitions; word by word for phrases, in which the same separator comes again and again."""
    if _guesses_log10(key) < _COUNTS_TO:
        return True
    by_words = re.findall(r"[A-Za-z0-9]+", key), re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+", key)
    separators = len(set(re.findall(r"[^A-Za-z0-9]", key)))
    return separators + min(sum(map(_guesses_log10, _pieces(words))) for words in by_words) < MIN_GUESSES_LOG10


def _pieces(words: list[str]) -> list[str]:
    return [word[at : at + _PIECE] for word in words for at in range(0, len(word), _PIECE)]


def _guesses_log10(text: str) -> float:
    return zxcvbn(text).guesses_log10
