"""The marketplace's contract: an envelope with `success`, refusals with `error_code`, all of them 400."""

from flask import Response, request

from chirp_auth.api import request_body, schemas, views
from chirp_auth.api.dialect import REGISTERED, REGISTRATION_NOTED, SIGNED_IN, Dialect
from chirp_auth.api.members import answer, signed_in
from chirp_auth.clock import now
from chirp_auth.errors import AuthError
from chirp_auth.formatting import iso
from chirp_auth.models import Session, User


class Marketplace(Dialect):
    name = "marketplace"
    prefix = "/api/auth"
    statuses = {"INVALID_EMAIL": 400, "VALIDATION_FAILED": 400}
    sentences = {
        "INVALID_EMAIL": "Invalid email format",
        "INVALID_TOKEN": "Invalid or expired token",
        "TOKEN_EXPIRED": "Password reset token has expired",
        "TOKEN_ALREADY_USED": "Password reset token has already been used",
    }

    def refusal(self, error: AuthError, status: int, sentence: str) -> Response:
        return answer(
            status,
            {
                "success": False,
                "message": sentence,
                "error_code": error.code,
                "timestamp": iso(now()),
                "path": request.path,
            },
        )

    def read_reset(self) -> tuple[str, str, str]:
        asked = request_body.read(schemas.TokenAndPasswords)
        return asked.token, asked.new_password, asked.confirm_password

    def link_requested(self, email: str) -> Response:
        return answer(200, {"success": True, "message": "Password reset email sent if account exists"})

    def password_reset(self, user: User) -> Response:
        return answer(200, {"success": True, "message": "Password reset successfully"})

    def registered(self, session: Session) -> Response:
        return answer(201, {"success": True, "message": REGISTERED, "data": signed_in(session)})

    def registration_noted(self) -> Response:
        return answer(202, {"success": True, "message": REGISTRATION_NOTED})

    def signed_in(self, session: Session) -> Response:
        return answer(200, {"success": True, "message": SIGNED_IN, "data": signed_in(session)})


dialect = Marketplace()
blueprint = views.blueprint(
    dialect,
    {
        ("POST", "/register"): views.register,
        ("POST", "/login"): views.login,
        ("POST", "/forgot-password"): views.forgot_password,
        ("POST", "/reset-password"): views.reset_password,
    },
)
