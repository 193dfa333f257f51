"""Email addresses: validate them, and derive the form under which an account is looked up."""

import re
from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from chirp_auth.errors import InvalidEmail
from chirp_auth.models import MAX_EMAIL_CHARACTERS

MAX_TYPED_CHARACTERS = 2 * MAX_EMAIL_CHARACTERS  # With whitespace around it; longer input is refused unread.

# Valid at every domain, and in need of no normalization: a dot-atom (RFC 5322, 3.2.3) of the usual characters.
_PLAIN_LOCAL_PART = re.compile(r"(?=.{1,64}$)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")


@dataclass(frozen=True, slots=True)
class Address:
    """An address as it was typed (stripped), as mail is sent to it, and as the account is looked up."""

    typed: str
    deliverable: str
    key: str


def parse(text: str) -> Address:
    """Parse an address without DNS look-ups; errors do not contain the text.

    Raises:
        InvalidEmail: not an address that every mail server can deliver to (RFC 5321, ASCII before the @).
    """
    if len(text) > MAX_TYPED_CHARACTERS:
        raise InvalidEmail
    typed = text.strip()
    local_part, _, domain = typed.rpartition("@")
    if _PLAIN_LOCAL_PART.fullmatch(local_part):
        deliverable = f"{local_part}@{_deliverable_domain(domain)}"
        if len(typed) > MAX_EMAIL_CHARACTERS or len(deliverable) > MAX_EMAIL_CHARACTERS:
            raise InvalidEmail
    else:
        deliverable = _deliverable(typed)
    return Address(typed, deliverable, deliverable.lower())


@lru_cache(maxsize=1024)
def _deliverable_domain(domain: str) -> str:
    """Return a domain as mail is sent there; most addresses of a request, a batch or a file share a few of them."""
    return _deliverable(f"a@{domain}").rpartition("@")[2]


def _deliverable(typed: str) -> str:
    # An encoded word (RFC 2047) would be decoded to another address.
    if len(typed) > MAX_EMAIL_CHARACTERS or "=?" in typed:
        raise InvalidEmail
    try:
        valid = validate_email(
            typed,
            strict=True,  # 64 characters before the @ (RFC 5321, 4.5.3.1.1)
            allow_smtputf8=False,
            check_deliverability=False,
            test_environment=True,  # Accept domains that are reserved for tests.
        )
    except (EmailNotValidError, UnicodeError):
        raise InvalidEmail from None
    assert valid.ascii_email is not None  # noqa: S101 - None only with allow_smtputf8
    return valid.ascii_email
