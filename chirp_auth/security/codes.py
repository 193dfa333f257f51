"""Codes that people type from a mail: derived from a row, so that none is stored.

The key is one of its own, derived from the signing key; a code of a former signing key is accepted as its links are.
"""

from hmac import compare_digest
from hmac import digest as digest_by_key
from secrets import choice
from uuid import UUID

from chirp_auth.extensions import settings

ALPHABET = "23456789ACDEFHJKMNPQRTVWXY"  # Of what looks alike, such as 8 and B, one at most.
LENGTH = 8
MAX_TYPED_CHARACTERS = 40


def of_row(purpose: str, row: UUID, binding: str) -> str:
    """Return the code of the row for whoever is named by `binding`: 8 of 26 characters, 37 bits."""
    return _derive(settings.secret_keys[-1], purpose, row, binding)


def is_right(typed: str, purpose: str, row: UUID, binding: str) -> bool:
    """Say whether this is the row's code, whatever its case, with or without dashes and blanks."""
    shown = normal(typed)
    codes = [_derive(key, purpose, row, binding) for key in settings.secret_keys]
    return sum(compare_digest(shown.encode(), code.encode()) for code in codes) > 0


def random_code(length: int) -> str:
    """Return a random code: 4.7 bits a character."""
    return "".join(choice(ALPHABET) for _ in range(length))


def normal(typed: str) -> str:
    """Return what somebody typed as the code has it: in capitals, without dashes and blanks."""
    return "".join(character for character in typed[:MAX_TYPED_CHARACTERS].upper() if character.isalnum())


def grouped(code: str) -> str:
    """Return the code as people read it, in two halves: K7QP-4M2X."""
    half = len(code) // 2
    return f"{code[:half]}-{code[half:]}"


def _derive(signing_key: str, purpose: str, row: UUID, binding: str) -> str:
    key = digest_by_key(signing_key.encode(), f"chirp-auth.{purpose}".encode(), "sha256")
    number = int.from_bytes(digest_by_key(key, row.bytes + binding.encode(), "sha256"))
    characters = []
    for _ in range(LENGTH):
        number, index = divmod(number, len(ALPHABET))
        characters.append(ALPHABET[index])
    return "".join(characters)
