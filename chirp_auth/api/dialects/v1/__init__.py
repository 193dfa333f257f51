"""v1, the contract for new clients: its dialect."""

from chirp_auth.api.dialect import Dialect
from chirp_auth.api.dialects.v1.routes import ROUTES
from chirp_auth.api.dialects.v1.schemas import Problem, WrongField
from chirp_auth.clock import now
from chirp_auth.errors import AuthError, RateLimitExceeded, ValidationFailed

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"  # with the RateLimit headers


class V1(Dialect):
    """The canonical contract, made for the mobile app: refusals are problem details (RFC 9457)."""

    name = "v1"
    prefix = "/api/v1/auth"
    refusal_type = "application/problem+json"
    code_member = "code"
    statuses = {"INVALID_TOKEN": 401, "TOKEN_EXPIRED": 401, "TOKEN_ALREADY_USED": 401}
    sentences = {
        "INVALID_TOKEN": "Invalid or expired reset token",
        "TOKEN_EXPIRED": "Reset token has expired. Please request a new one.",
        "TOKEN_ALREADY_USED": "Reset token has already been used",
    }
    routes = ROUTES

    def refusal(self, error: AuthError, path: str) -> Problem:
        problem = Problem(
            type=QUOTA_EXCEEDED if isinstance(error, RateLimitExceeded) else "about:blank",
            title=error.code.replace("_", " ").capitalize(),
            status=self.status(error),
            detail=self.sentence(error),
            code=error.code,
            instance=path,
            timestamp=now(),
        )
        if isinstance(error, ValidationFailed):
            problem.errors = [WrongField(field=field, detail=sentence) for field, sentence in error.fields.items()]
        return problem

    def headers(self, error: AuthError) -> dict[str, str]:
        headers = super().headers(error)
        if self.status(error) == 401:  # RFC 9110, 15.5.2: always with the scheme to use
            headers["WWW-Authenticate"] = "Bearer"
        return headers


dialect = V1()
