"""How many guesses a password withstands: zxcvbn's estimate, with bounded work.

zxcvbn holds the GIL, and tries every combination of letters that signs may stand for: 72 signs take a second. So it
gets few characters, no signs that it reads as letters, and one password at a time.
"""

from collections.abc import Set
from threading import Lock

from zxcvbn_rs_py import zxcvbn

from chirp_auth.security.common_passwords import LETTERS_FOR_SIGNS

# Each further character makes the worst case a quarter slower: 24 take 2 ms, 32 take 12. What zxcvbn finds easy (one
# or two words, dates, runs, repetitions) is as easy when it is cut.
MAX_JUDGED_CHARACTERS = 24
MAX_CONTEXT_WORDS = 32

# Keys without shift: keyboard runs stay runs, and no sign is left that zxcvbn reads as a letter.
_UNSHIFTED = str.maketrans('~!@#$%^&*()_+{}|:"<>?[', "`1234567890-=]]\\;',./]")

_one_at_a_time = Lock()


def estimate(password: str, context: Set[str]) -> int:
    """Return how many guesses the password withstands at least, if the words of the context are tried first."""
    text = repeated_part(password)[:MAX_JUDGED_CHARACTERS]
    words = sorted(context)[:MAX_CONTEXT_WORDS]
    with _one_at_a_time:
        return min(zxcvbn(reading, words).guesses for reading in _readings(text))


def repeated_part(password: str) -> str:
    """Return the part of which the password is a repetition, or the whole password if it is none."""
    for length in range(1, len(password) // 2 + 1):
        if password[length:] == password[:-length]:
            return password[:length]
    return password


def _readings(text: str) -> set[str]:
    """Return the text as keys without shift, and with letters in place of signs."""
    return {text.translate(table) for table in (_UNSHIFTED, *LETTERS_FOR_SIGNS)}
