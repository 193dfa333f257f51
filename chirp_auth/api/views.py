"""The endpoints, written once: read what the dialect's client sent, call one rule, answer in the dialect."""

from uuid import UUID

from flask import Blueprint, Response

from chirp_auth.accounts import (
    email_verification,
    password_change,
    password_reset,
    profile,
    registration,
    sessions,
    sign_in,
)
from chirp_auth.accounts import refresh_tokens as refresh_rule
from chirp_auth.accounts.registration import Applicant
from chirp_auth.api import bearer, request_body, schemas
from chirp_auth.api.dialect import Dialect, View
from chirp_auth.audit import queries
from chirp_auth.errors import NotFound
from chirp_auth.http import refused_tokens
from chirp_auth.http.request_context import client
from chirp_auth.security import limits

FACE = "api"
LARGEST_ID = 2**63 - 1
EVENTS_OF_A_PAGE = 20


def blueprint(dialect: Dialect, routes: dict[tuple[str, str], View]) -> Blueprint:
    """Return the blueprint of one published contract: the same views, answering as its dialect does."""
    bp = Blueprint(dialect.name, __name__, url_prefix=dialect.prefix, subdomain=dialect.subdomain)
    for (method, path), view in routes.items():
        bp.add_url_rule(
            path,
            endpoint=view.__name__,
            methods=[method],
            provide_automatic_options=False,  # Its answer would be an empty page; no other origin calls us.
            view_func=lambda view=view, **parts: view(dialect, **parts),
        )
    return bp


def forgot_password(dialect: Dialect) -> Response:
    asked = request_body.read(schemas.ForgotPassword)
    limits.forgot_password()
    password_reset.request_link(asked.email, client(FACE))
    return dialect.link_requested(asked.email)


def reset_password(dialect: Dialect) -> Response:
    token, password, confirmation = dialect.read_reset()
    limits.reset_password()
    reset = password_reset.reset_password(token, password, confirmation, client(FACE))
    return dialect.password_reset(reset.user)


def register(dialect: Dialect) -> Response:
    asked = request_body.read(schemas.Registration)
    limits.register()
    session = registration.register(Applicant(**asked.model_dump()), client(FACE))
    return dialect.registered(session) if session else dialect.registration_noted()


def login(dialect: Dialect) -> Response:
    asked = request_body.read(schemas.Login)
    limits.sign_in()
    return dialect.signed_in(sign_in.sign_in(asked.email, asked.password, client(FACE)))


def change_password_by_email(dialect: Dialect) -> Response:
    asked = request_body.read(schemas.OldAndNewPassword)
    limits.sign_in()
    user = password_change.change_password_by_email(asked.email, asked.old_password, asked.new_password, client(FACE))
    return dialect.password_replaced(user)


def refresh(dialect: Dialect) -> Response:
    asked = request_body.read(schemas.Refresh)
    with refused_tokens.on_record("session.refresh_refused", FACE):
        return dialect.refreshed(refresh_rule.refresh(asked.refresh_token, client(FACE)))


def logout(dialect: Dialect) -> Response:
    sessions.sign_out(bearer.session(), client(FACE))
    return dialect.nothing()


def me(dialect: Dialect) -> Response:
    return dialect.account(bearer.session().user)


def change_me(dialect: Dialect) -> Response:
    told = request_body.read(schemas.Profile).model_dump(exclude_unset=True)
    return dialect.account(profile.change_profile(bearer.session().user, told, client(FACE)))


def list_sessions(dialect: Dialect) -> Response:
    current = bearer.session()
    return dialect.sessions(sessions.living(current.user, current), current)


def end_session(dialect: Dialect, session_id: UUID) -> Response:
    current = bearer.session()
    if not sessions.end(session_id, current.user, client(FACE)):
        raise NotFound
    return dialect.nothing()


def end_other_sessions(dialect: Dialect) -> Response:
    sessions.end_others(bearer.session(), client(FACE))
    return dialect.nothing()


def change_password(dialect: Dialect) -> Response:
    asked = request_body.read(schemas.PasswordChange)
    session = bearer.session()
    limits.sign_in()
    change = password_change.change_password(
        session, asked.current_password, asked.new_password, asked.confirm_password, client(FACE)
    )
    return dialect.password_changed(change.session)


def verify_email(dialect: Dialect) -> Response:
    asked = request_body.read(schemas.Token)
    with refused_tokens.on_record("email.verified", FACE):
        user = email_verification.verify_email(asked.token, client(FACE), bearer.session_if_any())
    return dialect.email_verified(user)


def resend_verification(dialect: Dialect) -> Response:
    asked = request_body.read(schemas.ForgotPassword)
    limits.resend_verification()
    email_verification.request_link(asked.email, client(FACE))
    return dialect.verification_requested(asked.email)


def list_events(dialect: Dialect) -> Response:
    session = bearer.session()
    limit = request_body.read_number("limit", default=EVENTS_OF_A_PAGE, most=queries.MAX_PAGE)
    before = request_body.read_number("before", default=None, most=LARGEST_ID)
    return dialect.events(queries.page_of(session.user, limit or EVENTS_OF_A_PAGE, before))
