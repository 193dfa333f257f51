"""Dialects: one published contract each, with its routes and the wording of its refusals.

No view, rule or error asks which client it serves; the dialect of the path answers.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from flask import Blueprint, Response, request

from chirp_auth.api.responses import Answer, json_response
from chirp_auth.api.route import Route
from chirp_auth.errors import AuthError
from chirp_auth.formatting import whole_seconds

STATUSES: Mapping[str, int] = {
    "INVALID_EMAIL": 422,
    "EMAIL_NOT_FOUND": 404,
    "INVALID_TOKEN": 400,
    "TOKEN_EXPIRED": 400,
    "TOKEN_ALREADY_USED": 400,
    "PASSWORD_MISMATCH": 400,
    "PASSWORD_TOO_WEAK": 400,
    "INVALID_CREDENTIALS": 401,
    "SECOND_FACTOR_REQUIRED": 401,
    "WRONG_SECOND_FACTOR": 401,
    "FRESH_PROOF_REQUIRED": 403,
    "ADDRESS_NOT_CONFIRMED": 403,
    "AUTHENTICATOR_APP_EXISTS": 409,
    "NO_SET_UP": 409,
    "PASSKEY_REFUSED": 400,
    "TOO_MANY_PASSKEYS": 409,
    "LAST_WAY_IN": 409,
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


class Dialect(ABC):
    """One contract; `statuses` and `sentences` are those that it words differently, by code of the refusal.

    `code_member` is the member of its refusals that shows the code, if there is one.
    A sentence may also stand under the `wording` of a refusal.
    """

    name: str
    prefix: str
    routes: Sequence[Route]
    subdomain: str | None = None
    statuses: Mapping[str, int] = {}
    sentences: Mapping[str, str] = {}
    refusal_type = "application/json"
    code_member: str | None = None

    @abstractmethod
    def refusal(self, error: AuthError, path: str) -> Answer:
        """Return the body of a refusal."""

    def refuse(self, error: AuthError) -> Response:
        """Return the answer to a refused request."""
        response = json_response(self.status(error), self.refusal(error, request.path))
        response.mimetype = self.refusal_type
        response.headers.update(self.headers(error))
        return response

    def status(self, error: AuthError) -> int:
        return self.statuses.get(error.code) or STATUSES[error.code]

    def sentence(self, error: AuthError) -> str:
        return self.sentences.get(error.wording or error.code, error.sentence)

    def headers(self, error: AuthError) -> dict[str, str]:
        """Return the headers of a refusal: `Retry-After` where there is a time to wait."""
        retry_after = getattr(error, "retry_after", None)
        return {"Retry-After": str(whole_seconds(retry_after))} if retry_after else {}

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint(self.name, __name__, url_prefix=self.prefix, subdomain=self.subdomain)
        for route in self.routes:
            blueprint.add_url_rule(
                route.path,
                endpoint=route.name,
                methods=[route.method],
                provide_automatic_options=False,  # Its answer would be an empty page; `cors` answers preflights.
                view_func=route.respond,
            )
        return blueprint
