"""The marketplace's contract: its answers, its calls and its dialect."""

from typing import Annotated, Literal

from pydantic import Field

from chirp_auth.api import responses, schemas, views
from chirp_auth.api.dialect import Dialect
from chirp_auth.api.responses import Answer, SignedInMembers, Timestamp
from chirp_auth.clock import now
from chirp_auth.errors import AuthError


class TokenAndPasswords(schemas.Body):
    token: schemas.LinkToken
    new_password: schemas.NewSecret
    confirm_password: schemas.NewSecret


class Envelope(Answer):
    success: Literal[True]
    message: Annotated[str, Field(examples=["Password reset successfully"])]


class SignedInEnvelope(Envelope):
    data: SignedInMembers


class MarketplaceRefusal(Answer):
    success: Literal[False]
    message: str
    error_code: str
    timestamp: Timestamp
    path: str


def register(body: schemas.Registration) -> SignedInEnvelope | Envelope:
    session = views.register(body)
    if session is None:
        return Envelope(success=True, message=responses.REGISTRATION_NOTED)
    members = SignedInMembers(**responses.signed_in(session))
    return SignedInEnvelope(success=True, message=responses.REGISTERED, data=members)


def login(body: schemas.Login) -> SignedInEnvelope:
    members = SignedInMembers(**responses.signed_in(views.login(body)))
    return SignedInEnvelope(success=True, message=responses.SIGNED_IN, data=members)


def forgot_password(body: schemas.EmailOnly) -> Envelope:
    views.forgot_password(body)
    return Envelope(success=True, message="Password reset email sent if account exists")


def reset_password(body: TokenAndPasswords) -> Envelope:
    views.reset_password(body.token, body.new_password, body.confirm_password)
    return Envelope(success=True, message="Password reset successfully")


class Marketplace(Dialect):
    """The marketplace's contract: an envelope with `success`, refusals with `error_code`, all of them 400."""

    name = "marketplace"
    prefix = "/api/auth"
    statuses = {"INVALID_EMAIL": 400, "VALIDATION_FAILED": 400}
    sentences = {
        "INVALID_EMAIL": "Invalid email format",
        "INVALID_TOKEN": "Invalid or expired token",
        "TOKEN_EXPIRED": "Password reset token has expired",
        "TOKEN_ALREADY_USED": "Password reset token has already been used",
    }
    routes = (
        views.REGISTER(register, {201: SignedInEnvelope, 202: Envelope}),
        views.LOGIN(login, {200: SignedInEnvelope}),
        views.FORGOT_PASSWORD(forgot_password, {200: Envelope}),
        views.RESET_PASSWORD(reset_password, {200: Envelope}, TokenAndPasswords),
    )

    def refusal(self, error: AuthError, path: str) -> MarketplaceRefusal:
        return MarketplaceRefusal(
            success=False, message=self.sentence(error), error_code=error.code, timestamp=now(), path=path
        )


dialect = Marketplace()
