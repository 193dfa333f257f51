"""What a dialect is: how one published contract reads requests and words its answers.

No view, rule or error asks which client it serves; a dialect answers for each outcome and each refusal.
"""

from collections.abc import Callable, Mapping, Sequence

from flask import Response

from chirp_auth.api.members import answer, event_members, session_members, signed_in, token_members, user_members
from chirp_auth.audit.queries import Page
from chirp_auth.errors import AuthError
from chirp_auth.formatting import whole_seconds
from chirp_auth.models import Session, User

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
    "EMAIL_TAKEN": 409,
    "RATE_LIMIT_EXCEEDED": 429,
    "VALIDATION_FAILED": 422,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "MALFORMED_JSON": 400,
    "BAD_REQUEST": 400,
    "PAYLOAD_TOO_LARGE": 413,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "REQUEST_TIMEOUT": 408,
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
            answer.headers["Retry-After"] = str(whole_seconds(retry_after))
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

    def refreshed(self, session: Session) -> Response:
        return answer(200, token_members(session))

    def account(self, user: User) -> Response:
        return answer(200, {"user": user_members(user)})

    def sessions(self, found: Sequence[Session], current: Session) -> Response:
        return answer(200, {"sessions": [session_members(session, current) for session in found]})

    def events(self, page: Page) -> Response:
        return answer(200, {"events": [event_members(event) for event in page.events], "next": page.next})

    def password_changed(self, session: Session) -> Response:
        told = {"message": "Your password has been changed.", "email": session.user.email}
        return answer(200, {**told, **token_members(session)})

    def email_verified(self, user: User) -> Response:
        return answer(200, {"message": "Your email address is confirmed.", "email": user.email})

    def verification_requested(self, email: str) -> Response:
        sentence = "If an account with that email is not confirmed yet, you will receive a link to confirm it."
        return answer(200, {"message": sentence, "email": email})

    def nothing(self) -> Response:
        done = Response(status=204)
        del done.headers["Content-Type"]  # Flask names one even where there is no content.
        return done
