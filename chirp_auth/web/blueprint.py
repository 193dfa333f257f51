"""The blueprint of the pages, who is signed in, and what every template can say."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, request, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from chirp_auth.accounts import sessions
from chirp_auth.extensions import csrf, login_manager, settings
from chirp_auth.http.request_context import is_from_this_machine, reference
from chirp_auth.models import Session

FACE = "browser"
SEE_OTHER = 303

web = Blueprint("web", __name__)


@web.before_request
def _check_csrf() -> None:
    """Check the token of every POST, except of the views that are exempt because they check it themselves.

    Their forms do, so that a page that was open for too long comes back with what was typed.
    """
    csrf.protect(apply_exemptions=True)


@login_manager.user_loader
def _load(session_id: str) -> Session | None:
    """Return the living session that the browser's signed cookie refers to."""
    try:
        return sessions.find(UUID(session_id))
    except ValueError:
        return None


@login_manager.unauthorized_handler
def _ask_to_sign_in() -> Response:
    if request.url_rule and "GET" in (request.url_rule.methods or ()):
        session["wanted"] = request.path
    return redirect(url_for("auth.web.sign_in"), SEE_OTHER)


@web.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "app_name": settings.app_name,
        "support_email": settings.support_email,
        "current_user": current_user,  # The proxy: who is signed in is asked of the database only where a page uses it.
        "dev_mailbox": settings.has_dev_mailbox and is_from_this_machine(),
        "reference": reference(),
    }
