"""The blueprint of the pages, who is signed in, and what every template can say."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, request, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from chirp_auth.accounts import sessions
from chirp_auth.caller import reference
from chirp_auth.extensions import DATABASE_AWAY, csrf, login_manager, settings
from chirp_auth.models import Session

FACE = "browser"
SEE_OTHER = 303

web = Blueprint("web", __name__)
web.before_request(csrf.protect)


@login_manager.user_loader
def _load(session_id: str) -> Session | None:
    """Return the living session that the browser's signed cookie refers to."""
    try:
        return sessions.find(UUID(session_id))
    except ValueError:
        return None


@login_manager.unauthorized_handler
def _ask_to_sign_in() -> Response:
    if request.method == "GET":
        session["wanted"] = request.path
    return redirect(url_for("auth.web.sign_in"), SEE_OTHER)


@web.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "app_name": settings.app_name,
        "support_email": settings.support_email,
        "signed_in": _signed_in(),
        "dev_mailbox": settings.has_dev_mailbox,
        "reference": reference(),
    }


def _signed_in() -> Session | None:
    """Return the session behind the page; none on the page that says that the database is away."""
    try:
        return current_user if current_user.is_authenticated else None
    except DATABASE_AWAY:
        return None
