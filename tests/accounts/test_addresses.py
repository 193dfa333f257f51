"""Addresses are parsed alike, whatever domains were seen before."""

from itertools import product

import pytest
from email_validator import EmailNotValidError, validate_email

from chirp_auth.accounts import addresses
from chirp_auth.errors import InvalidEmail
from chirp_auth.models import MAX_EMAIL_CHARACTERS

DOMAINS = [
    "example.com",
    "EXAMPLE.com",
    "bücher.example",
    "a" * 63 + ".example",
    "no_such.example",
    "example",
    "-.com",
    "",
]
LOCAL_PARTS = [
    *("alice", "Alice.Archer", "a+tag", "a_b-c", "x" * 64, "x" * 65, "1", "=?utf-8?q?a?=", "a=b", "o'neil"),
    *("", ".a", "a.", "a..b", "a b", '"a b"', "ä", "a@b", "a\0", "\U0001d44e", "a\n", " alice", "alice\t"),
]


def parsed_whole(text: str) -> addresses.Address:
    """Do as `parse` does, by the library alone."""
    typed = text.strip()
    if "=?" in typed or len(text) > addresses.MAX_TYPED_CHARACTERS or len(typed) > MAX_EMAIL_CHARACTERS:
        raise InvalidEmail
    try:
        valid = validate_email(
            typed, strict=True, allow_smtputf8=False, check_deliverability=False, test_environment=True
        )
    except (EmailNotValidError, UnicodeError):
        raise InvalidEmail from None
    return addresses.Address(typed, str(valid.ascii_email), str(valid.ascii_email).lower())


def outcome(parse: object, text: str) -> object:
    try:
        return parse(text)  # type: ignore[operator]
    except InvalidEmail:
        return InvalidEmail


@pytest.mark.parametrize("domain", DOMAINS)
def test_an_address_of_a_domain_that_was_seen_before_is_parsed_as_any(domain: str) -> None:
    outcome(addresses.parse, f"first@{domain}")
    for local_part, end in product(LOCAL_PARTS, ["", " ", "\n"]):
        text = f"{local_part}@{domain}{end}"

        assert outcome(addresses.parse, text) == outcome(parsed_whole, text), repr(text)


def test_too_long_an_address_is_refused_there_too() -> None:
    domain = ".".join(["a" * 60] * 4) + ".com"  # 247 characters
    assert addresses.parse(f"a@{domain}").deliverable == f"a@{domain}"

    with pytest.raises(InvalidEmail):
        addresses.parse(f"{'x' * 64}@{domain}")
    with pytest.raises(InvalidEmail):
        addresses.parse(" " * 600 + f"a@{domain}")
