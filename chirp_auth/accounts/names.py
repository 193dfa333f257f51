"""Names of people, as they write them."""

import re

from chirp_auth.errors import ValidationFailed
from chirp_auth.languages import Sentence
from chirp_auth.models import MAX_NAME_CHARACTERS

WHITESPACE = 4  # With all whitespace a name may be so many times longer; longer input is refused unread.

# Whitespace is already collapsed. SQLite and PostgreSQL store the remaining control characters differently.
_UNSTORABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def parse_optional(field: str, text: str | None, most: int = MAX_NAME_CHARACTERS) -> str | None:
    """Return the name with single spaces, or None for nothing; a refusal names `field`.

    Args:
        most: so many characters it may have.

    Raises:
        ValidationFailed: it is too long or contains a control character.
    """
    text = text or ""
    if len(text) > WHITESPACE * most:
        raise _too_long(field, most)
    name = " ".join(text.split())
    if _UNSTORABLE.search(name):
        sentence = Sentence("That name contains an invisible control character. Please remove it.")
        raise ValidationFailed({field: sentence}, sentence)
    if len(name) > most:
        raise _too_long(field, most)
    return name or None


def _too_long(field: str, most: int) -> ValidationFailed:
    sentence = Sentence("That name is too long: %(most)s characters at most.", most=most)
    return ValidationFailed({field: sentence}, sentence)
