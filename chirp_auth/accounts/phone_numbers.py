"""Phone numbers: parsed as people write them, stored in E.164."""

import re

from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    NumberParseException,
    PhoneMetadata,
    PhoneNumberFormat,
    format_number,
    is_possible_number,
    parse,
)

from chirp_auth.errors import ValidationFailed
from chirp_auth.extensions import settings
from chirp_auth.languages import Sentence

MAX_TYPED_CHARACTERS = 100  # 15 digits (E.164) with separators.

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def parse_optional(text: str | None) -> str | None:
    """Return the number in E.164, or None for nothing; national numbers belong to PHONE_DEFAULT_REGION.

    Raises:
        ValidationFailed: it is not a phone number.
    """
    if not text:
        return None
    if _is_e164(text):
        return text
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
        sentence = Sentence("That is not a phone number. Write it with its country code, such as +91 98765 43210.")
        raise ValidationFailed({"phone_number": sentence}, sentence)
    return format_number(number, PhoneNumberFormat.E164)


def _is_e164(text: str) -> bool:
    """Say whether parsing would surely return the text as it is: far cheaper, for files with a number in each line."""
    if not _E164.fullmatch(text):
        return False
    for end in (2, 3, 4):
        if regions := COUNTRY_CODE_TO_REGION_CODE.get(int(text[1:end])):
            break
    else:
        return False
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(int(text[1:end]), regions[0])
    if metadata is None or metadata.general_desc is None:
        return False
    national = text[end:]
    prefix = metadata.national_prefix_for_parsing
    return len(national) in metadata.general_desc.possible_length and not (prefix and re.match(prefix, national))
