"""What a dialect is: how one published contract reads requests and words its answers.

No view, rule or error asks which client it serves; a dialect answers for each outcome and each refusal.
"""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, jsonify

from chirp_auth.errors import AuthError
from chirp_auth.extensions import settings
from chirp_auth.models import Session, User
from chirp_auth.security import tokens
from chirp_auth.words import iso

View = Callable[..., Response]

STATUSES: Mapping[str, int] = {
    "INVALID_EMAIL": 422,
    "EMAIL_NOT_FOUND": 404,
    "INVALID_TOKEN": 400,
    "TOKEN_EXPIRED": 400,
    "TOKEN_ALREADY_USED": 400,
    "PASSWORD_MISMATCH": 400,
    "PASSWORD_TOO_WEAK": 400,
    "INVALID_CREDENTIALS": 401,
    "UNAUTHENTICATED": 401,
    "EMAIL_NOT_VERIFIED": 403,
    "EMAIL_TAKEN": 409,
    "RATE_LIMIT_EXCEEDED": 429,
    "VALIDATION_FAILED": 422,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "MALFORMED_JSON": 400,
    "BAD_REQUEST": 400,
    "PAYLOAD_TOO_LARGE": 413,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "SERVICE_BUSY": 503,
    "INTERNAL_ERROR": 500,
}

REGISTERED = "Welcome! Your account has been created."
REGISTRATION_NOTED = "Thank you. Please check your email to finish the registration."
SIGNED_IN = "You are signed in."


class Dialect:
    """The answers that contracts have in common; each contract overrides what it words differently."""

    name: str
    prefix: str
    subdomain: str | None = None
    statuses: Mapping[str, int] = {}
    sentences: Mapping[str, str] = {}

    def refused(self, error: AuthError) -> Response:
        """Return the answer to a refusal, with `Retry-After` where there is a time to wait."""
        status = self.statuses.get(error.code) or STATUSES[error.code]
        answer = self.refusal(error, status, self.sentences.get(error.code, error.sentence))
        answer.status_code = status
        if retry_after := getattr(error, "retry_after", None):
            answer.headers["Retry-After"] = str(max(1, int(retry_after.total_seconds())))
        return answer

    def refusal(self, error: AuthError, status: int, sentence: str) -> Response:
        """Return the body of a refusal."""
        raise NotImplementedError

    def read_reset(self) -> tuple[str, str, str]:
        """Return the token, the new password and its confirmation from the request."""
        raise NotImplementedError

    def link_requested(self, email: str) -> Response:
        raise NotImplementedError

    def password_reset(self, user: User) -> Response:
        raise NotImplementedError

    def password_replaced(self, user: User) -> Response:
        raise NotImplementedError

    def registered(self, session: Session) -> Response:
        return answer(201, {"message": REGISTERED, **signed_in(session)})

    def registration_noted(self) -> Response:
        return answer(202, {"message": REGISTRATION_NOTED})

    def signed_in(self, session: Session) -> Response:
        return answer(200, {"message": SIGNED_IN, **signed_in(session)})

    def account(self, user: User) -> Response:
        return answer(200, {"user": user_members(user)})

    def nothing(self) -> Response:
        return Response(status=204)


def answer(status: int, body: dict[str, Any]) -> Response:
    """Return a JSON answer."""
    response = jsonify(body)
    response.status_code = status
    return response


def signed_in(session: Session) -> dict[str, Any]:
    """Return the user and the tokens of a new session."""
    return {"user": user_members(session.user), **token_members(session)}


def token_members(session: Session) -> dict[str, Any]:
    return {
        "access_token": tokens.mint_access(session),
        "token_type": "bearer",
        "expires_in": int(settings.jwt_expires_in.total_seconds()),
        "refresh_token": tokens.mint_refresh(session),
    }


def user_members(user: User) -> dict[str, Any]:
    return {
        "id": str(user.id),
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "phone_number": user.phone_number,
        "email_verified": user.email_verified_at is not None,
        "created_at": iso(user.created_at),
    }
