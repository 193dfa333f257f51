"""The blueprint of the pages, and what every template knows."""

from typing import Any

from flask import Blueprint, request, session
from flask.sessions import NullSession
from flask_login import current_user

from chirp_auth import languages
from chirp_auth.extensions import csrf, settings
from chirp_auth.http.request_context import is_from_this_machine, reference

FACE = "browser"
SEE_OTHER = 303

web = Blueprint("web", __name__)


@web.before_request
def _check_csrf() -> None:
    """Check the token of every POST, except of the views that are exempt because they check it themselves.

    Their forms do, so that a page that was open for too long comes back with what was typed.
    """
    csrf.protect(apply_exemptions=True)


@web.app_context_processor
def _context() -> dict[str, Any]:
    return {
        "app_name": settings.app_name,
        "support_email": settings.support_email,
        "current_user": current_user,  # The proxy: who is signed in is asked of the database only where a page uses it.
        "dev_mailbox": settings.has_dev_mailbox and is_from_this_machine(),
        "reference": reference(),
        "language": languages.current(),
        # A choice needs a token in the cookie, which the API and its documentation do not read.
        "languages": {} if isinstance(session, NullSession) else languages.LANGUAGES,
        "page_path": request.path,
    }
