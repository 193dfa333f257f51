"""The plain contract: JSON on the paths of the pages; a refusal has one member, a sentence."""

from flask import Response

from chirp_auth.api import request_body, schemas, views
from chirp_auth.api.dialect import REGISTERED, Dialect
from chirp_auth.api.members import access_members, answer, user_members
from chirp_auth.errors import AuthError
from chirp_auth.http.routing import PLAIN_SUBDOMAIN
from chirp_auth.models import Session, User


class Plain(Dialect):
    name = "plain"
    prefix = ""
    subdomain = PLAIN_SUBDOMAIN  # A routing space of its own: the pages have the same paths.

    def refusal(self, error: AuthError, status: int, sentence: str) -> Response:
        return answer(status, {"detail": sentence})

    def read_reset(self) -> tuple[str, str, str]:
        asked = request_body.read(schemas.TokenAndPassword)
        confirmation = asked.new_password if asked.confirm_password is None else asked.confirm_password
        return asked.token, asked.new_password, confirmation

    def registered(self, session: Session) -> Response:
        token = access_members(session)
        return answer(
            201,
            {
                "message": REGISTERED,
                "user": user_members(session.user),
                "access_token": token["access_token"],
                "token_type": token["token_type"],
            },
        )

    def signed_in(self, session: Session) -> Response:
        return answer(200, {**access_members(session), "user": user_members(session.user)})

    def link_requested(self, email: str) -> Response:
        return answer(200, {"message": "If an account exists with that email, a reset link is on its way."})

    def password_reset(self, user: User) -> Response:
        return answer(200, {"message": "Password has been reset successfully."})


dialect = Plain()
blueprint = views.blueprint(
    dialect,
    {
        ("POST", "/register"): views.register,
        ("POST", "/login"): views.login,
        ("POST", "/forgot-password"): views.forgot_password,
        ("POST", "/reset-password"): views.reset_password,
    },
)
