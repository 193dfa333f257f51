"""What answers look like, for the OpenAPI document; `members.py` and the dialects make them."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

_ID = "6f1c2d0e-8a3b-4c5d-9e7f-0a1b2c3d4e5f"
_AT = "2026-01-15T10:00:00Z"

Email = Annotated[str, Field(examples=["alice@example.com"])]
Id = Annotated[UUID, Field(examples=[_ID])]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=[_AT], description="RFC 3339, UTC")]
Jwt = Annotated[str, Field(examples=["eyJhbGciOiJIUzI1NiIs….eyJpc3MiOiJodHRwczov….3kT5"])]
RefreshToken = Annotated[str, Field(examples=["WyJieHdORG9vN1RGMmVmd29iTEQxT1h3IiwwXQ.vC0c"])]
Device = Annotated[str, Field(examples=["Firefox on Windows"])]
Ip = Annotated[str | None, Field(examples=["203.0.113.7"])]


class Answer(BaseModel):
    """An answer has these members and no others, in this order."""

    model_config = ConfigDict(extra="forbid")


class Message(Answer):
    message: Annotated[str, Field(examples=["Password has been reset successfully."])]


class MessageForEmail(Answer):
    message: Annotated[str, Field(examples=["Your password has been changed."])]
    email: Email


class User(Answer):
    id: Id
    email: Email
    first_name: Annotated[str | None, Field(examples=["Alice"])]
    last_name: Annotated[str | None, Field(examples=["Archer"])]
    phone_number: Annotated[str | None, Field(examples=["+911234567890"], description="E.164")]
    email_verified: bool
    created_at: Moment


class Tokens(Answer):
    access_token: Jwt
    token_type: Literal["bearer"]
    expires_in: Annotated[int, Field(description="seconds", examples=[3600])]
    refresh_token: RefreshToken


class PasswordChanged(Answer):
    message: Annotated[str, Field(examples=["Your password has been changed."])]
    email: Email
    access_token: Jwt
    token_type: Literal["bearer"]
    expires_in: Annotated[int, Field(description="seconds", examples=[3600])]
    refresh_token: RefreshToken


class SignedInMembers(Answer):
    user: User
    access_token: Jwt
    token_type: Literal["bearer"]
    expires_in: Annotated[int, Field(description="seconds", examples=[3600])]
    refresh_token: RefreshToken


class SignedIn(SignedInMembers):
    message: Annotated[str, Field(examples=["You are signed in."])]


class Account(Answer):
    user: User


class Place(Answer):
    id: Annotated[UUID, Field(examples=[_ID], description="the `sid` of the access tokens of this session")]
    face: Annotated[str, Field(examples=["api"])]
    current: bool
    client: Device
    ip: Ip
    created_at: Moment
    last_seen_at: Moment


class Sessions(Answer):
    sessions: list[Place]


class Event(Answer):
    id: Annotated[int, Field(examples=[1042])]
    at: Moment
    kind: Annotated[str, Field(examples=["session.signed_in"])]
    client: Device
    ip: Ip
    outcome: Annotated[str, Field(examples=["ok"])]


class Events(Answer):
    events: list[Event]
    next: Annotated[int | None, Field(examples=[1042], description="`before` for the next page, or null at the end")]


class Envelope(Answer):
    success: Literal[True]
    message: Annotated[str, Field(examples=["Password reset successfully"])]


class SignedInEnvelope(Envelope):
    data: SignedInMembers


class PasswordReplaced(Answer):
    message: Annotated[str, Field(examples=["Password reset successful. A confirmation email has been sent."])]
    user_id: Id


class PlainRegistered(Answer):
    message: Annotated[str, Field(examples=["Welcome! Your account has been created."])]
    user: User
    access_token: Jwt
    token_type: Literal["bearer"]


class PlainSignedIn(Answer):
    access_token: Jwt
    token_type: Literal["bearer"]
    expires_in: Annotated[int, Field(description="seconds", examples=[3600])]
    user: User


class WrongField(Answer):
    field: str
    detail: str


class Problem(Answer):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    timestamp: Moment
    errors: Annotated[list[WrongField] | None, Field(description="with VALIDATION_FAILED")] = None


class MarketplaceRefusal(Answer):
    success: Literal[False]
    message: str
    error_code: str
    timestamp: Moment
    path: str


class SellerRefusal(Answer):
    error: str


class PlainRefusal(Answer):
    detail: str
