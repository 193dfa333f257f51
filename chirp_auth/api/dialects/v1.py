"""The canonical contract, made for the mobile app: refusals are problem details (RFC 9457)."""

from flask import Response, request

from chirp_auth.api import bearer, request_body, schemas, views
from chirp_auth.api.dialect import Dialect
from chirp_auth.api.members import answer
from chirp_auth.clock import now
from chirp_auth.errors import AuthError, RateLimitExceeded, Unauthenticated, ValidationFailed
from chirp_auth.formatting import iso
from chirp_auth.models import User

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"  # with the RateLimit headers


class V1(Dialect):
    name = "v1"
    prefix = "/api/v1/auth"
    statuses = {"INVALID_TOKEN": 401, "TOKEN_EXPIRED": 401, "TOKEN_ALREADY_USED": 401}
    sentences = {
        "INVALID_TOKEN": "Invalid or expired reset token",
        "TOKEN_EXPIRED": "Reset token has expired. Please request a new one.",
        "TOKEN_ALREADY_USED": "Reset token has already been used",
    }

    def refusal(self, error: AuthError, status: int, sentence: str) -> Response:
        problem = {
            "type": QUOTA_EXCEEDED if isinstance(error, RateLimitExceeded) else "about:blank",
            "title": error.code.replace("_", " ").capitalize(),
            "status": status,
            "detail": sentence,
            "code": error.code,
            "instance": request.path,
            "timestamp": iso(now()),
        }
        if isinstance(error, ValidationFailed):
            problem["errors"] = [{"field": field, "detail": told} for field, told in error.fields.items()]
        refused = answer(status, problem)
        refused.mimetype = "application/problem+json"
        if status == 401:  # RFC 9110, 15.5.2: always with the scheme to use
            refused.headers["WWW-Authenticate"] = "Bearer"
        return refused

    def read_reset(self) -> tuple[str, str, str]:
        asked = request_body.read(schemas.NewPassword)
        token = bearer.token()
        if token is None:
            raise Unauthenticated("Missing or invalid authorization header")
        return token, asked.new_password, asked.confirm_password

    def link_requested(self, email: str) -> Response:
        sentence = "If an account exists with that email, you will receive password reset instructions."
        return answer(200, {"message": sentence, "email": email})

    def password_reset(self, user: User) -> Response:
        sentence = "Password has been reset successfully. Please login with your new password."
        return answer(200, {"message": sentence, "email": user.email})


dialect = V1()
blueprint = views.blueprint(
    dialect,
    {
        ("POST", "/register"): views.register,
        ("POST", "/login"): views.login,
        ("POST", "/forgot-password"): views.forgot_password,
        ("POST", "/reset-password"): views.reset_password,
        ("POST", "/refresh"): views.refresh,
        ("POST", "/logout"): views.logout,
        ("GET", "/me"): views.me,
        ("PATCH", "/me"): views.change_me,
        ("GET", "/sessions"): views.list_sessions,
        ("DELETE", "/sessions/<uuid:session_id>"): views.end_session,
        ("DELETE", "/sessions"): views.end_other_sessions,
        ("POST", "/change-password"): views.change_password,
        ("POST", "/verify-email"): views.verify_email,
        ("POST", "/resend-verification"): views.resend_verification,
        ("GET", "/events"): views.list_events,
    },
)
