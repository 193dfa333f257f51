"""Request bodies that several contracts take. Shape only: what the values may be is up to the rules."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictStr
from pydantic_core import PydanticCustomError

from chirp_auth.accounts import addresses, phone_numbers
from chirp_auth.errors import InvalidEmail
from chirp_auth.models import MAX_EMAIL_CHARACTERS, MAX_NAME_CHARACTERS
from chirp_auth.security import passwords, tokens
from config import SHORTEST_PASSWORD


def _without_nul(text: str) -> str:
    # PostgreSQL stores no NUL and SQLite does: refused here, it is the same on both.
    if "\0" in text:
        raise PydanticCustomError("nul_character", "must not contain the NUL character")
    return text


def _an_address(text: str) -> str:
    try:
        addresses.parse(text)
    except InvalidEmail:
        raise PydanticCustomError("invalid_email", "is not an email address") from None
    return text


Text = Annotated[StrictStr, AfterValidator(_without_nul)]
Email = Annotated[
    StrictStr,
    AfterValidator(_an_address),
    Field(json_schema_extra={"format": "email", "maxLength": MAX_EMAIL_CHARACTERS}, examples=["alice@example.com"]),
]
NewSecret = Annotated[
    Text,
    Field(
        json_schema_extra={"minLength": SHORTEST_PASSWORD, "maxLength": passwords.MAX_BYTES},
        description=f"{passwords.MAX_BYTES} bytes in UTF-8 at most; the least number of characters may be set higher",
        examples=["eleven loud magpies"],
    ),
]
Secret = Annotated[Text, Field(examples=["seven quiet herons"])]
LinkToken = Annotated[
    Text,
    Field(
        json_schema_extra={"maxLength": tokens.MAX_TOKEN_CHARACTERS},
        examples=["WyJieHdORG9vN1RGMmVmd29iTEQxT1h3IiwiIl0.aWdQgA.mD1x"],
    ),
]
Name = Annotated[Text, Field(json_schema_extra={"maxLength": MAX_NAME_CHARACTERS})]
PhoneNumber = Annotated[Text, Field(json_schema_extra={"maxLength": phone_numbers.MAX_TYPED_CHARACTERS})]


class Body(BaseModel):
    """A JSON object. Unknown members are ignored: clients of every age send some."""

    model_config = ConfigDict(hide_input_in_errors=True, frozen=True)


class EmailOnly(Body):
    email: Email


class Login(Body):
    email: Email
    password: Secret


class ProfileMembers(Body):
    first_name: Annotated[Name | None, Field(examples=["Alice"])] = None
    last_name: Annotated[Name | None, Field(examples=["Archer"])] = None
    phone_number: Annotated[PhoneNumber | None, Field(examples=["1234567890"])] = None


class Registration(ProfileMembers, Login):
    """The name and the phone number may be left out or null."""

    password: NewSecret
