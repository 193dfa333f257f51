"""What the OpenAPI document says of each call: what it takes, what it gives, how it may refuse."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel

from chirp_auth import errors
from chirp_auth.api import responses, schemas
from chirp_auth.errors import AuthError

WEAK = errors.PasswordTooWeak("Password must be at least 8 characters long")
LIMITED = errors.RateLimitExceeded(timedelta(minutes=42))
UNREADABLE = (
    errors.MalformedJson(),
    errors.UnsupportedMediaType(),
    errors.PayloadTooLarge(),
)
DEAD_LINK = (errors.InvalidToken(), errors.TokenExpired())
NO_HEADER = errors.Unauthenticated("Missing or invalid authorization header")
NO_SESSION = errors.Unauthenticated()
WRONG = errors.InvalidCredentials()


@dataclass(frozen=True, slots=True)
class Call:
    """One call; `bearer` names the kind of token that its Authorization header carries."""

    summary: str
    gives: Mapping[int, type[BaseModel] | None]
    takes: type[BaseModel] | None = None
    refuses: tuple[AuthError, ...] = ()
    bearer: str | None = None
    query: Mapping[str, int] | None = None


ACCESS, RESET = "accessToken", "resetToken"

V1: Mapping[str, Call] = {
    "register": Call(
        "Open an account",
        {201: responses.SignedIn, 202: responses.Message},
        schemas.Registration,
        (errors.InvalidEmail(), WEAK, errors.EmailTaken(), LIMITED),
    ),
    "login": Call(
        "Sign in",
        {200: responses.SignedIn},
        schemas.Login,
        (errors.InvalidEmail(), WRONG, LIMITED),
    ),
    "forgot_password": Call(
        "Ask for a reset link: the same answer for every address",
        {200: responses.MessageForEmail},
        schemas.ForgotPassword,
        (errors.InvalidEmail(), LIMITED),
    ),
    "reset_password": Call(
        "Use a reset link",
        {200: responses.MessageForEmail},
        schemas.NewPassword,
        (*DEAD_LINK, errors.TokenAlreadyUsed(), errors.PasswordMismatch(), WEAK, LIMITED, NO_HEADER),
        RESET,
    ),
    "refresh": Call("Spend a refresh token", {200: responses.Tokens}, schemas.Refresh, (NO_SESSION,)),
    "logout": Call("Sign out", {204: None}, None, (NO_SESSION,), ACCESS),
    "me": Call("Read the profile", {200: responses.Account}, None, (NO_SESSION,), ACCESS),
    "change_me": Call("Change the profile", {200: responses.Account}, schemas.Profile, (NO_SESSION,), ACCESS),
    "list_sessions": Call("Where I am signed in", {200: responses.Sessions}, None, (NO_SESSION,), ACCESS),
    "end_session": Call("Sign out in one place", {204: None}, None, (NO_SESSION, errors.NotFound()), ACCESS),
    "end_other_sessions": Call("Sign out everywhere else", {204: None}, None, (NO_SESSION,), ACCESS),
    "change_password": Call(
        "Change the password; every other session ends, and this one gets new tokens",
        {200: responses.PasswordChanged},
        schemas.PasswordChange,
        (NO_SESSION, errors.PasswordMismatch(), WEAK, WRONG, LIMITED),
        ACCESS,
    ),
    "verify_email": Call("Use a verification link", {200: responses.MessageForEmail}, schemas.Token, DEAD_LINK),
    "resend_verification": Call(
        "Ask for a verification link: the same answer for every address",
        {200: responses.MessageForEmail},
        schemas.ForgotPassword,
        (errors.InvalidEmail(), LIMITED),
    ),
    "list_events": Call(
        "My own security activity, newest first",
        {200: responses.Events},
        None,
        (NO_SESSION, errors.ValidationFailed({"limit": "must be a whole number from 1 to 100"}, "Not valid: limit.")),
        ACCESS,
        {"limit": 100, "before": 2**63 - 1},
    ),
}


def _as(view: str, gives: Mapping[int, type[BaseModel] | None], takes: type[BaseModel] | None = None) -> Call:
    """Return v1's call with what this dialect gives and takes instead."""
    known = V1[view]
    return Call(known.summary, gives, takes or known.takes, known.refuses)


_RESET_REFUSALS = (*DEAD_LINK, errors.TokenAlreadyUsed(), errors.PasswordMismatch(), WEAK, LIMITED)
CALLS: Mapping[str, Mapping[str, Call]] = {
    "v1": V1,
    "marketplace": {
        "register": _as("register", {201: responses.SignedInEnvelope, 202: responses.Envelope}),
        "login": _as("login", {200: responses.SignedInEnvelope}),
        "forgot_password": _as("forgot_password", {200: responses.Envelope}),
        "reset_password": Call(
            V1["reset_password"].summary,
            {200: responses.Envelope},
            schemas.TokenAndPasswords,
            _RESET_REFUSALS,
        ),
    },
    "seller": {
        "change_password_by_email": Call(
            "Change a password by address and old password",
            {200: responses.PasswordReplaced},
            schemas.OldAndNewPassword,
            (errors.InvalidEmail(), WEAK, errors.UserNotFound(), WRONG, LIMITED),
        ),
    },
    "plain": {
        "register": _as("register", {201: responses.PlainRegistered, 202: responses.Message}),
        "login": _as("login", {200: responses.PlainSignedIn}),
        "forgot_password": _as("forgot_password", {200: responses.Message}),
        "reset_password": Call(
            V1["reset_password"].summary, {200: responses.Message}, schemas.TokenAndPassword, _RESET_REFUSALS
        ),
    },
}
