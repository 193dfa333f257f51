"""Email addresses: which text is one, and the form under which an account is looked up."""

from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from chirp_auth.errors import InvalidEmail
from chirp_auth.models import MAX_EMAIL_CHARACTERS

MAX_TYPED_CHARACTERS = 2 * MAX_EMAIL_CHARACTERS  # With the blanks around it: nothing longer is even looked at.


@dataclass(frozen=True, slots=True)
class Address:
    """An address as it was typed (without the space around it), as mail goes there, and as we look it up."""

    typed: str
    deliverable: str
    key: str


def parse(text: str) -> Address:
    """Read an address; no question is asked of the network, and nothing of the text is kept.

    Raises:
        InvalidEmail: it is not one that every mail server can deliver to (RFC 5321, ASCII before the @).
    """
    if len(text) > MAX_TYPED_CHARACTERS:
        raise InvalidEmail
    typed = text.strip()
    # What looks like an encoded word (RFC 2047) would go out as another address.
    if len(typed) > MAX_EMAIL_CHARACTERS or "=?" in typed:
        raise InvalidEmail
    try:
        valid = validate_email(
            typed,
            strict=True,  # 64 characters before the @ (RFC 5321, 4.5.3.1.1)
            allow_smtputf8=False,
            check_deliverability=False,
            test_environment=True,  # The domains that are kept for tests are as good as others.
        )
    except (EmailNotValidError, UnicodeError):
        raise InvalidEmail from None
    assert valid.ascii_email is not None  # noqa: S101 - it is None only for what SMTPUTF8 would need
    return Address(typed, valid.ascii_email, valid.ascii_email.lower())
