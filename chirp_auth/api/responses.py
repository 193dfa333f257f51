"""Answers that several contracts give: views return them, and the OpenAPI document is made from them.

Answers are put together from bases: the members of the last base come first, as the contracts print them.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from flask import Response, jsonify
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from chirp_auth import models
from chirp_auth.extensions import settings
from chirp_auth.formatting import iso
from chirp_auth.security import tokens

REGISTERED = "Welcome! Your account has been created."
REGISTRATION_NOTED = "Thank you. Please check your email to finish the registration."
SIGNED_IN = "You are signed in."

MAX_E164_CHARACTERS = 16  # 15 digits and a plus (ITU-T E.164)

Email = Annotated[
    str,
    Field(
        json_schema_extra={"format": "email", "maxLength": models.MAX_EMAIL_CHARACTERS}, examples=["alice@example.com"]
    ),
]
Name = Annotated[str, Field(json_schema_extra={"maxLength": models.MAX_NAME_CHARACTERS})]
PhoneNumber = Annotated[str, Field(json_schema_extra={"maxLength": MAX_E164_CHARACTERS})]
Int64 = Annotated[int, Field(json_schema_extra={"format": "int64"})]
Id = Annotated[UUID, Field(examples=["6f1c2d0e-8a3b-4c5d-9e7f-0a1b2c3d4e5f"])]
Timestamp = Annotated[
    datetime,
    PlainSerializer(iso, return_type=str),
    Field(json_schema_extra={"format": "date-time"}, examples=["2026-01-15T10:00:00Z"], description="RFC 3339, UTC"),
]


class Answer(BaseModel):
    """An answer has these members and no others, in this order."""

    model_config = ConfigDict(extra="forbid")


class Message(Answer):
    message: Annotated[str, Field(examples=["Password has been reset successfully."])]


class RegistrationAccepted(Message):
    """The same for every address, where accounts are concealed (`CONCEAL_ACCOUNTS=true`): a mail says how to go on."""

    message: Annotated[str, Field(examples=[REGISTRATION_NOTED])]


class User(Answer):
    id: Id
    email: Email
    first_name: Annotated[Name | None, Field(examples=["Alice"])]
    last_name: Annotated[Name | None, Field(examples=["Archer"])]
    phone_number: Annotated[PhoneNumber | None, Field(examples=["+911234567890"], description="E.164")]
    email_verified: bool
    created_at: Timestamp

    @classmethod
    def of(cls, user: models.User) -> Self:
        return cls(
            id=user.id,
            email=user.email,
            first_name=user.first_name,
            last_name=user.last_name,
            phone_number=user.phone_number,
            email_verified=user.email_verified_at is not None,
            created_at=user.created_at,
        )


class Account(Answer):
    user: User

    @classmethod
    def of(cls, user: models.User) -> Self:
        return cls(user=User.of(user))


class BearerToken(Answer):
    access_token: Annotated[str, Field(examples=["eyJhbGciOiJIUzI1NiIs….eyJpc3MiOiJodHRwczov….3kT5"])]
    token_type: Literal["bearer"]


class AccessToken(BearerToken):
    expires_in: Annotated[Int64, Field(description="seconds", examples=[3600])]


class Tokens(AccessToken):
    refresh_token: Annotated[str, Field(examples=["WyJieHdORG9vN1RGMmVmd29iTEQxT1h3IiwwXQ.vC0c"])]


class UserAndTokens(Tokens, Account):
    """The user and the tokens of a new session."""


def one_of(words: Iterable[str]) -> str:
    """Return the description of a member that has one of these words; an enumeration would bar what is added later."""
    return f"One of {', '.join(f'`{word}`' for word in words)}. More may be added: expect words that are not listed."


def bearer_token(session: models.Session) -> dict[str, Any]:
    """Return the members of a `BearerToken`."""
    return {"access_token": tokens.mint_access(session), "token_type": "bearer"}


def access_token(session: models.Session) -> dict[str, Any]:
    """Return the members of an `AccessToken`."""
    return {**bearer_token(session), "expires_in": int(settings.jwt_expires_in.total_seconds())}


def new_tokens(session: models.Session) -> dict[str, Any]:
    """Return the members of `Tokens`."""
    return {**access_token(session), "refresh_token": tokens.mint_refresh(session)}


def signed_in(session: models.Session) -> dict[str, Any]:
    """Return the members of `UserAndTokens`."""
    return {"user": User.of(session.user), **new_tokens(session)}


def json_response(status: int, answer: Answer | None) -> Response:
    """Return the answer as JSON, and without a body where there is none."""
    if answer is None:
        response = Response(status=status)
        del response.headers["Content-Type"]  # Flask names one even where there is no content.
        return response
    response = jsonify(answer.model_dump(mode="json", exclude_unset=True))
    response.status_code = status
    return response
