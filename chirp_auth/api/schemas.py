"""What request bodies look like. Shape only: what the values may be is up to the rules."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StrictStr
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
Email = Annotated[StrictStr, AfterValidator(_an_address)]


class Body(BaseModel):
    """A JSON object. Members that we do not know are ignored, as clients of every age send some."""

    model_config = ConfigDict(hide_input_in_errors=True, frozen=True)


class ForgotPassword(Body):
    email: Email


class NewPassword(Body):
    """v1's body for a reset: the token travels in the Authorization header."""

    new_password: Text
    confirm_password: Text


class TokenAndPassword(Body):
    token: Text
    new_password: Text


class TokenAndPasswords(TokenAndPassword):
    confirm_password: Text


class Registration(Body):
    email: Email
    password: Text
    first_name: Text | None = None
    last_name: Text | None = None
    phone_number: Text | None = None


class Login(Body):
    email: Email
    password: Text


class Refresh(Body):
    refresh_token: Text


class Token(Body):
    token: Text


class Profile(Body):
    """What is left out stays as it is; null or nothing clears it."""

    first_name: Text | None = None
    last_name: Text | None = None
    phone_number: Text | None = None


class PasswordChange(Body):
    current_password: Text
    new_password: Text
    confirm_password: Text


class OldAndNewPassword(Body):
    """seller's body."""

    email: Email
    old_password: Text
    new_password: Text
