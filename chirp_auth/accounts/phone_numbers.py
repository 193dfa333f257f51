"""Phone numbers: parsed as people write them, stored in E.164."""

from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, is_possible_number, parse

from chirp_auth.errors import ValidationFailed
from chirp_auth.extensions import settings

MAX_TYPED_CHARACTERS = 100  # 15 digits (E.164) with separators.


def parse_optional(text: str | None) -> str | None:
    """Return the number in E.164, or None for nothing; national numbers belong to PHONE_DEFAULT_REGION.

    Raises:
        ValidationFailed: it is not a phone number.
    """
    if not text:
        return None
    try:
        if len(text) > MAX_TYPED_CHARACTERS:
            raise NumberParseException(NumberParseException.TOO_LONG, "longer than any number")
        if not text.strip():
            return None
        if any(character.isalpha() for character in text):  # 0800-FLOWERS cannot be dialled everywhere.
            raise NumberParseException(NumberParseException.NOT_A_NUMBER, "letters")
        number = parse(text, settings.phone_default_region)
    except NumberParseException:
        number = None
    if number is None or not is_possible_number(number):
        sentence = "That is not a phone number. Write it with its country code, such as +91 98765 43210."
        raise ValidationFailed({"phone_number": sentence}, sentence)
    return format_number(number, PhoneNumberFormat.E164)
