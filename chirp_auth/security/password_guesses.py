"""How many guesses a password withstands: zxcvbn's estimate, for an amount of work that nobody can raise.

zxcvbn keeps the interpreter's lock while it works, and tries every combination of letters that signs may stand for: 72
signs take a second. So it gets few characters, no sign that it takes for a letter, and one password at a time.
"""

from collections.abc import Set
from threading import Lock

from zxcvbn_rs_py import zxcvbn

from chirp_auth.security.common_passwords import LETTERS_FOR_SIGNS

# Each character more makes the worst case a quarter longer: 24 take 2 ms, 32 take 12. What zxcvbn finds easy is one or
# two words, dates, runs or repetitions, which are as easy when they are cut.
MAX_JUDGED_CHARACTERS = 24
MAX_CONTEXT_WORDS = 32

# The keys without shift: runs on the keyboard stay runs, and no sign is left that zxcvbn reads as a letter.
_UNSHIFTED = str.maketrans('~!@#$%^&*()_+{}|:"<>?[', "`1234567890-=]]\\;',./]")

_one_at_a_time = Lock()


def estimate(password: str, context: Set[str]) -> int:
    """Return how many guesses the password withstands at least, where the words of the context are tried first."""
    judged = repeated_part(password)[:MAX_JUDGED_CHARACTERS]
    words = sorted(context)[:MAX_CONTEXT_WORDS]
    with _one_at_a_time:
        return min(zxcvbn(text, words).guesses for text in _readings(judged))


def repeated_part(password: str) -> str:
    """Return the part that the whole password repeats, at least twice; the password where it repeats none."""
    for length in range(1, len(password) // 2 + 1):
        if password[length:] == password[:-length]:
            return password[:length]
    return password


def _readings(text: str) -> set[str]:
    """Return the keys that were pressed, and the letters that signs stand for: zxcvbn finds in them what it knows."""
    return {text.translate(table) for table in (_UNSHIFTED, *LETTERS_FOR_SIGNS)}
