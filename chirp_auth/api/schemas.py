"""What request bodies look like. Shape only: what the values may be is up to the rules."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictStr
from pydantic_core import PydanticCustomError

from chirp_auth.accounts import addresses
from chirp_auth.errors import InvalidEmail


def _without_nul(text: str) -> str:
    # PostgreSQL stores no NUL and SQLite does: refused here, it is the same on both.
    if "\0" in text:
        raise PydanticCustomError("nul_character", "must not contain the NUL character")
    return text


def _filled(given: object) -> object:
    if given == "":
        raise PydanticCustomError("empty", "must not be empty")
    return given


def _an_address(text: str) -> str:
    try:
        addresses.parse(text)
    except InvalidEmail:
        raise PydanticCustomError("invalid_email", "is not an email address") from None
    return text


Text = Annotated[StrictStr, AfterValidator(_without_nul)]
Email = Annotated[StrictStr, AfterValidator(_an_address), Field(examples=["alice@example.com"])]
NewSecret = Annotated[Text, Field(examples=["eleven loud magpies"])]
Secret = Annotated[Text, Field(examples=["seven quiet herons"])]
LinkToken = Annotated[Text, Field(examples=["WyJieHdORG9vN1RGMmVmd29iTEQxT1h3IiwiIl0.aWdQgA.mD1x"])]


class Body(BaseModel):
    """A JSON object. Members that we do not know are ignored, as clients of every age send some."""

    model_config = ConfigDict(hide_input_in_errors=True, frozen=True)


class ForgotPassword(Body):
    email: Email


class NewPassword(Body):
    """v1's body for a reset: the token travels in the Authorization header."""

    new_password: NewSecret
    confirm_password: NewSecret


class TokenAndPassword(Body):
    """The plain contract asks for no confirmation; one that is sent counts."""

    token: LinkToken
    new_password: NewSecret
    confirm_password: NewSecret | None = None


class TokenAndPasswords(Body):
    token: LinkToken
    new_password: NewSecret
    confirm_password: NewSecret


class Registration(Body):
    email: Email
    password: Secret
    first_name: Annotated[Text | None, Field(examples=["Alice"])] = None
    last_name: Annotated[Text | None, Field(examples=["Archer"])] = None
    phone_number: Annotated[Text | None, Field(examples=["1234567890"])] = None


class Login(Body):
    email: Email
    password: Secret


class Refresh(Body):
    refresh_token: LinkToken


class Token(Body):
    token: LinkToken


class Profile(Body):
    """What is left out stays as it is; null or nothing clears it."""

    first_name: Annotated[Text | None, Field(examples=["Alice"])] = None
    last_name: Annotated[Text | None, Field(examples=["Archer"])] = None
    phone_number: Annotated[Text | None, Field(examples=["1234567890"])] = None


class PasswordChange(Body):
    current_password: Secret
    new_password: NewSecret
    confirm_password: NewSecret


class OldAndNewPassword(Body):
    """seller's body: an empty field is a missing one, whatever else is wrong with it."""

    email: Annotated[Email, BeforeValidator(_filled)]
    old_password: Annotated[Secret, BeforeValidator(_filled)]
    new_password: Annotated[NewSecret, BeforeValidator(_filled)]
