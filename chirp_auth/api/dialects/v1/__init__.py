"""v1, the contract for new clients: its dialect."""

from http import HTTPStatus

from chirp_auth.accounts.factors.second_step import TICKET_LIFE
from chirp_auth.api.dialect import Dialect
from chirp_auth.api.dialects.v1.routes import ROUTES
from chirp_auth.api.dialects.v1.schemas import Problem, WrongField
from chirp_auth.clock import now
from chirp_auth.errors import AuthError, RateLimitExceeded, SecondFactorRequired, ValidationFailed
from chirp_auth.formatting import whole_seconds

# As RFC 9110 has them; Python's names for them depend on its version.
PHRASES = {413: "Content Too Large", 422: "Unprocessable Content"}
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
        "VERIFICATION_LINK": "Invalid or expired link",
        "TICKET": "This sign-in is no longer valid: begin again with the password.",
        "OWN_PASSWORD": "The password is not right.",
        "CURRENT_PASSWORD": "The current password is not right.",
    }
    routes = ROUTES

    def refusal(self, error: AuthError, path: str) -> Problem:
        status = self.status(error)
        is_quota = isinstance(error, RateLimitExceeded)
        problem = Problem(
            type=QUOTA_EXCEEDED if is_quota else "about:blank",
            title="Rate limit exceeded" if is_quota else PHRASES.get(status) or HTTPStatus(status).phrase,
            status=status,
            detail=self.sentence(error),
            code=error.code,
            instance=path,
            timestamp=now(),
        )
        if isinstance(error, ValidationFailed):
            problem.errors = [WrongField(field=field, detail=sentence) for field, sentence in error.fields.items()]
        if isinstance(error, SecondFactorRequired) and error.ticket:
            problem.ticket, problem.expires_in = error.ticket, whole_seconds(TICKET_LIFE)
        return problem

    def headers(self, error: AuthError) -> dict[str, str]:
        headers = super().headers(error)
        if error.challenge:  # Not with every 401: apps renew their token at a challenge, and send the request again.
            headers["WWW-Authenticate"] = error.challenge
        return headers


dialect = V1()
