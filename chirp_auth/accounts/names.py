"""Names: what people call themselves, as they write it."""

import re

from chirp_auth.errors import ValidationFailed
from chirp_auth.models import MAX_NAME_CHARACTERS

MAX_TYPED_CHARACTERS = 4 * MAX_NAME_CHARACTERS  # With all blanks: nothing longer is even looked at.

# Spaces of every kind are folded before; what is left of these no database of ours keeps alike.
_UNSTORABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def parse_optional(field: str, text: str | None) -> str | None:
    """Return the name with single spaces, or None for nothing; `field` is what a refusal names.

    Raises:
        ValidationFailed: it is too long, or has a control character in it.
    """
    text = text or ""
    if len(text) > MAX_TYPED_CHARACTERS:
        raise _too_long(field)
    name = " ".join(text.split())
    if _UNSTORABLE.search(name):
        sentence = "That name contains an invisible control character. Please remove it."
        raise ValidationFailed({field: sentence}, sentence)
    if len(name) > MAX_NAME_CHARACTERS:
        raise _too_long(field)
    return name or None


def _too_long(field: str) -> ValidationFailed:
    sentence = f"That name is too long: {MAX_NAME_CHARACTERS} characters at most."
    return ValidationFailed({field: sentence}, sentence)
