"""The sellers' contract: one endpoint that changes a password by address and old password."""

from flask import Response

from chirp_auth.api import views
from chirp_auth.api.dialect import Dialect
from chirp_auth.api.members import answer
from chirp_auth.errors import AuthError
from chirp_auth.models import User


class Seller(Dialect):
    name = "seller"
    prefix = "/api/auth/reset_password"
    statuses = {"INVALID_EMAIL": 400, "VALIDATION_FAILED": 400}
    sentences = {
        "INVALID_EMAIL": "Invalid email format",
        "INVALID_CREDENTIALS": "Invalid old password",
        "VALIDATION_FAILED": "Missing required fields: email, old_password and new_password",
        "INTERNAL_ERROR": "Password reset failed",
    }

    def refusal(self, error: AuthError, status: int, sentence: str) -> Response:
        return answer(status, {"error": sentence})

    def password_replaced(self, user: User) -> Response:
        sentence = "Password reset successful. A confirmation email has been sent."
        return answer(200, {"message": sentence, "user_id": str(user.id)})


dialect = Seller()
blueprint = views.blueprint(dialect, {("POST", ""): views.change_password_by_email})
