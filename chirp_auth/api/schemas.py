"""Request bodies that several contracts take. Shape only: what the values may be is up to the rules."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictStr
from pydantic_core import PydanticCustomError

from chirp_auth.accounts import addresses
from chirp_auth.errors import InvalidEmail


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
    Field(json_schema_extra={"format": "email"}, examples=["alice@example.com"]),
]
NewSecret = Annotated[Text, Field(examples=["eleven loud magpies"])]
Secret = Annotated[Text, Field(examples=["seven quiet herons"])]
LinkToken = Annotated[Text, Field(examples=["WyJieHdORG9vN1RGMmVmd29iTEQxT1h3IiwiIl0.aWdQgA.mD1x"])]


class Body(BaseModel):
    """A JSON object. Unknown members are ignored: clients of every age send some."""

    model_config = ConfigDict(hide_input_in_errors=True, frozen=True)


class EmailOnly(Body):
    email: Email


class Login(Body):
    email: Email
    password: Secret


class ProfileMembers(Body):
    first_name: Annotated[Text | None, Field(examples=["Alice"])] = None
    last_name: Annotated[Text | None, Field(examples=["Archer"])] = None
    phone_number: Annotated[Text | None, Field(examples=["1234567890"])] = None


class Registration(ProfileMembers, Login):
    """The name and the phone number may be left out or null."""
