"""Names: what people call themselves, as they write it."""

from chirp_auth.errors import ValidationFailed
from chirp_auth.models import MAX_NAME_CHARACTERS


def parse_optional(field: str, text: str | None) -> str | None:
    """Return the name with single spaces, or None for nothing; `field` is what a refusal names.

    Raises:
        ValidationFailed: it is too long.
    """
    name = " ".join((text or "").split())
    if len(name) > MAX_NAME_CHARACTERS:
        sentence = f"That name is too long: {MAX_NAME_CHARACTERS} characters at most."
        raise ValidationFailed({field: sentence}, sentence)
    return name or None
