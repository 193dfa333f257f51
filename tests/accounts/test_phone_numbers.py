"""Phone numbers in E.164 are recognized without the long way of parsing, where that would change nothing."""

from random import Random

import pytest
from flask import Flask
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    NumberParseException,
    PhoneNumberFormat,
    format_number,
    is_possible_number,
    parse,
)

from chirp_auth.accounts import phone_numbers
from chirp_auth.errors import ValidationFailed

NUMBERS = 5000


def slowly(text: str) -> str | None:
    try:
        number = parse(text, "IN")
    except NumberParseException:
        return None
    return format_number(number, PhoneNumberFormat.E164) if is_possible_number(number) else None


def test_the_short_way_and_the_long_way_agree(app: Flask) -> None:
    chance = Random(20261128)
    codes = list(COUNTRY_CODE_TO_REGION_CODE)
    accepted = 0
    for _ in range(NUMBERS):
        digits = "".join(chance.choices("0123456789", k=chance.randint(4, 12)))
        text = f"+{chance.choice(codes)}{digits}"
        expected = slowly(text)
        if expected is None:
            with pytest.raises(ValidationFailed):
                phone_numbers.parse_optional(text)
        else:
            accepted += 1
            assert phone_numbers.parse_optional(text) == expected
    assert accepted > NUMBERS / 10


@pytest.mark.parametrize("text", ["+910 9876543210", "+919876543210\n", "+44 (0)20 7946 0018", "+4402079460018"])
def test_what_is_not_quite_e164_goes_the_long_way(app: Flask, text: str) -> None:
    assert phone_numbers.parse_optional(text) == slowly(text)
