"""What v1 alone takes and gives."""

from typing import Annotated, get_args
from uuid import UUID

from pydantic import ConfigDict, Field

from chirp_auth import models
from chirp_auth.api.responses import SIGNED_IN, Answer, Email, Int64, Message, Timestamp, Tokens, UserAndTokens, one_of
from chirp_auth.api.schemas import Body, EmailOnly, LinkToken, NewSecret, ProfileMembers, Secret, Text
from chirp_auth.audit.vocabulary import AccountKind, OwnOutcome
from chirp_auth.security import codes
from chirp_auth.security.client import device_in_words

Device = Annotated[str, Field(examples=["Firefox on Windows"])]
Ip = Annotated[str | None, Field(examples=["203.0.113.7"])]
OUTCOMES = f"{one_of(get_args(OwnOutcome))} What was refused may have the `code` of the refusal in lower case."


class LinkRequest(EmailOnly):
    """An app that can show a field for a code sends the digest of a secret with it: then the mail has a code, too."""

    code_challenge: Annotated[
        Text | None,
        Field(
            pattern=r"^[A-Za-z0-9_-]{43}$",
            description="base64url of the SHA-256 of `code_verifier`, without padding (RFC 7636, 4.2, S256)",
            examples=["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"],
        ),
    ] = None


class PasswordReset(Body):
    """The token of the link travels in the Authorization header. Without that header: address, code and verifier."""

    email: Annotated[Email | None, Field(description="with `code`: the address that the link was asked for")] = None
    code: Annotated[
        Text | None,
        Field(
            json_schema_extra={"maxLength": codes.MAX_TYPED_CHARACTERS},
            description="from the mail; 10 minutes and 5 tries; case and dashes do not matter",
            examples=["K7QP-4M2X"],
        ),
    ] = None
    code_verifier: Annotated[
        Text | None,
        Field(
            pattern=r"^[A-Za-z0-9._~-]{43,128}$",
            description="with `code`: the secret whose digest was the `code_challenge`",
            examples=["dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"],
        ),
    ] = None
    new_password: NewSecret
    confirm_password: NewSecret
    second_factor: Annotated[
        Text | None,
        Field(
            json_schema_extra={"maxLength": codes.MAX_TYPED_CHARACTERS},
            description=("where the account asks for one: a code of the app or a recovery code"),
            examples=["123456"],
        ),
    ] = None


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
    ticket: str = Field(default="", description="with SECOND_FACTOR_REQUIRED after a password: for the second step")
    expires_in: Int64 = Field(default=0, description="with `ticket`: seconds")
