"""What v1 alone takes and gives."""

from typing import Annotated, get_args
from uuid import UUID

from pydantic import ConfigDict, Field

from chirp_auth import models
from chirp_auth.api.responses import SIGNED_IN, Answer, Email, Int64, Message, Timestamp, Tokens, UserAndTokens, one_of
from chirp_auth.api.schemas import Body, LinkToken, NewSecret, ProfileMembers, Secret
from chirp_auth.audit.vocabulary import AccountKind, OwnOutcome
from chirp_auth.security.client import device_in_words

Device = Annotated[str, Field(examples=["Firefox on Windows"])]
Ip = Annotated[str | None, Field(examples=["203.0.113.7"])]
OUTCOMES = f"{one_of(get_args(OwnOutcome))} What was refused may have the `code` of the refusal in lower case."


class PasswordReset(Body):
    """The token travels in the Authorization header."""

    new_password: NewSecret
    confirm_password: NewSecret


class TokenRefresh(Body):
    refresh_token: LinkToken


class EmailVerification(Body):
    token: LinkToken


class ProfileChange(ProfileMembers):
    """A member that is left out or null stays as it is; an empty string clears it."""


class PasswordChange(Body):
    current_password: Secret
    new_password: NewSecret
    confirm_password: NewSecret


class SignedIn(UserAndTokens, Message):
    message: Annotated[str, Field(examples=[SIGNED_IN])]


class MessageForEmail(Message):
    email: Email


class PasswordChanged(Tokens, MessageForEmail):
    """The tokens are those of the session that changed the password; every other session has ended."""

    message: Annotated[str, Field(examples=["Your password has been changed."])]


class Session(Answer):
    id: Annotated[
        UUID,
        Field(
            examples=["6f1c2d0e-8a3b-4c5d-9e7f-0a1b2c3d4e5f"],
            description="the `sid` of the access tokens of this session",
        ),
    ]
    face: Annotated[str, Field(examples=["api"])]
    current: bool
    client: Device
    ip: Ip
    created_at: Timestamp
    last_seen_at: Timestamp

    @classmethod
    def of(cls, session: models.Session, current: models.Session) -> "Session":
        return cls(
            id=session.id,
            face=session.face,
            current=session.id == current.id,
            client=device_in_words(session.user_agent),
            ip=session.ip,
            created_at=session.created_at,
            last_seen_at=session.last_seen_at,
        )


class Sessions(Answer):
    sessions: list[Session]


class SecurityEvent(Answer):
    id: Annotated[Int64, Field(examples=[1042])]
    at: Timestamp
    kind: Annotated[str, Field(examples=["session.signed_in"], description=one_of(get_args(AccountKind)))]
    client: Device
    ip: Ip
    outcome: Annotated[str, Field(examples=["ok"], description=OUTCOMES)]

    @classmethod
    def of(cls, event: models.SecurityEvent) -> "SecurityEvent":
        return cls(
            id=event.id,
            at=event.at,
            kind=event.kind,
            client=device_in_words(event.user_agent),
            ip=event.ip,
            outcome=event.outcome,
        )


class SecurityEvents(Answer):
    events: list[SecurityEvent]
    next: Annotated[Int64 | None, Field(examples=[1042], description="`before` for the next page, or null at the end")]


class WrongField(Answer):
    model_config = ConfigDict(extra="allow")

    field: str
    detail: str


class Problem(Answer):
    """Problem details (RFC 9457). Clients ignore members that they do not know (3.2): some may be added."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: Annotated[int, Field(json_schema_extra={"format": "int32"})]
    detail: str
    code: str
    instance: str
    timestamp: Timestamp
    errors: list[WrongField] = Field(default_factory=list, description="with VALIDATION_FAILED")
