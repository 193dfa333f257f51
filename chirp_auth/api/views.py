"""The endpoints, written once: read what the dialect's client sent, call one rule, answer in the dialect."""

from flask import Blueprint, Response

from chirp_auth.accounts import password_change, password_reset, registration, sessions, sign_in
from chirp_auth.accounts.registration import Applicant
from chirp_auth.api import bearer, body, schemas
from chirp_auth.api.dialect import Dialect, View
from chirp_auth.caller import client
from chirp_auth.security import limits

FACE = "api"


def blueprint(dialect: Dialect, routes: dict[tuple[str, str], View]) -> Blueprint:
    """Return the blueprint of one published contract: the same views, answering as its dialect does."""
    bp = Blueprint(dialect.name, __name__, url_prefix=dialect.prefix, subdomain=dialect.subdomain)
    for (method, path), view in routes.items():
        bp.add_url_rule(
            path,
            endpoint=view.__name__,
            methods=[method],
            view_func=lambda view=view, **parts: view(dialect, **parts),
        )
    return bp


def forgot_password(dialect: Dialect) -> Response:
    asked = body.read(schemas.ForgotPassword)
    limits.forgot_password()
    password_reset.request_link(asked.email, client(FACE))
    return dialect.link_requested(asked.email)


def reset_password(dialect: Dialect) -> Response:
    token, password, confirmation = dialect.read_reset()
    limits.reset_password()
    reset = password_reset.reset_password(token, password, confirmation, client(FACE))
    return dialect.password_reset(reset.user)


def register(dialect: Dialect) -> Response:
    asked = body.read(schemas.Registration)
    limits.register()
    session = registration.register(Applicant(**asked.model_dump()), client(FACE))
    return dialect.registered(session) if session else dialect.registration_noted()


def login(dialect: Dialect) -> Response:
    asked = body.read(schemas.Login)
    limits.sign_in()
    return dialect.signed_in(sign_in.sign_in(asked.email, asked.password, client(FACE)))


def change_password_by_email(dialect: Dialect) -> Response:
    asked = body.read(schemas.OldAndNewPassword)
    limits.sign_in()
    user = password_change.change_password_by_email(asked.email, asked.old_password, asked.new_password, client(FACE))
    return dialect.password_replaced(user)


def me(dialect: Dialect) -> Response:
    return dialect.account(bearer.session().user)


def logout(dialect: Dialect) -> Response:
    sessions.sign_out(bearer.session(), client(FACE))
    return dialect.nothing()
