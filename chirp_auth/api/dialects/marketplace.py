"""The marketplace's contract: its answers, its calls and its dialect."""

from typing import Annotated, Literal

from pydantic import Field

from chirp_auth.api import responses, schemas, views
from chirp_auth.api.dialect import Dialect
from chirp_auth.api.responses import Answer, Timestamp, UserAndTokens
from chirp_auth.clock import now
from chirp_auth.errors import AuthError


class MarketplacePasswordReset(schemas.Body):
    token: schemas.LinkToken
    new_password: schemas.NewSecret
    confirm_password: schemas.NewSecret


class MarketplaceMessage(Answer):
    success: Literal[True]
    message: Annotated[str, Field(examples=["Password reset successfully"])]


class MarketplaceRegistrationAccepted(MarketplaceMessage):
    """The same for every address, where accounts are concealed (`CONCEAL_ACCOUNTS=true`): a mail says how to go on."""

    message: Annotated[str, Field(examples=[responses.REGISTRATION_NOTED])]


class MarketplaceSignedIn(MarketplaceMessage):
    message: Annotated[str, Field(examples=[responses.SIGNED_IN])]
    data: UserAndTokens


class MarketplaceRefusal(Answer):
    success: Literal[False]
    message: str
    error_code: str
    timestamp: Timestamp
    path: str


def register(body: schemas.Registration) -> MarketplaceSignedIn | MarketplaceRegistrationAccepted:
    session = views.register(body)
    if session is None:
        return MarketplaceRegistrationAccepted(success=True, message=responses.REGISTRATION_NOTED)
    members = UserAndTokens(**responses.signed_in(session))
    return MarketplaceSignedIn(success=True, message=responses.REGISTERED, data=members)


def login(body: schemas.Login) -> MarketplaceSignedIn:
    members = UserAndTokens(**responses.signed_in(views.login(body)))
    return MarketplaceSignedIn(success=True, message=responses.SIGNED_IN, data=members)


def forgot_password(body: schemas.EmailOnly) -> MarketplaceMessage:
    views.forgot_password(body)
    return MarketplaceMessage(success=True, message="Password reset email sent if account exists")


def reset_password(body: MarketplacePasswordReset) -> MarketplaceMessage:
    views.reset_password(body.token, body.new_password, body.confirm_password)
    return MarketplaceMessage(success=True, message="Password reset successfully")


class Marketplace(Dialect):
    """The marketplace's contract: an envelope with `success`, refusals with `error_code`, all of them 400."""

    name = "marketplace"
    prefix = "/api/auth"
    code_member = "error_code"
    statuses = {"INVALID_EMAIL": 400, "VALIDATION_FAILED": 400}
    sentences = {
        "INVALID_EMAIL": "Invalid email format",
        "INVALID_TOKEN": "Invalid or expired token",
        "TOKEN_EXPIRED": "Password reset token has expired",
        "TOKEN_ALREADY_USED": "Password reset token has already been used",
    }
    routes = (
        views.REGISTER(register, {201: MarketplaceSignedIn, 202: MarketplaceRegistrationAccepted}),
        views.LOGIN(login, {200: MarketplaceSignedIn}),
        views.FORGOT_PASSWORD(forgot_password, {200: MarketplaceMessage}),
        views.RESET_PASSWORD(reset_password, {200: MarketplaceMessage}, MarketplacePasswordReset),
    )

    def refusal(self, error: AuthError, path: str) -> MarketplaceRefusal:
        return MarketplaceRefusal(
            success=False, message=self.sentence(error), error_code=error.code, timestamp=now(), path=path
        )


dialect = Marketplace()
