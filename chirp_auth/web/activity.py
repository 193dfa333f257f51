"""The activity page: what happened to one's own account, newest first."""

from typing import Any

from flask import Response, request
from flask_login import current_user, login_required

from chirp_auth.accounts import account_recovery
from chirp_auth.audit import queries
from chirp_auth.models import SecurityEvent
from chirp_auth.security.client import shortened
from chirp_auth.security.devices import translated_device
from chirp_auth.web.activity_words import sentences
from chirp_auth.web.blueprint import web
from chirp_auth.web.pages import page

ON_A_PAGE = 25
MAX_DIGITS = 18  # More than an event's id has, and no more than a database takes.


@web.get("/activity")
@login_required
def activity() -> Response:
    found = queries.page_of(current_user, ON_A_PAGE, _before())
    rows = [_row(event) for event in found.events]
    may_secure = account_recovery.may_secure(current_user)
    return page("activity/activity.html", events=rows, older=found.next, before=_before(), may_secure=may_secure)


def _before() -> int | None:
    """Return where this page begins; anything but a number is the first page."""
    text = request.args.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else None


def _row(event: SecurityEvent) -> dict[str, Any]:
    is_theirs = event.face not in ("cli", "worker")
    return {
        "sentences": sentences(event),
        "at": event.at,
        "device": translated_device(event.user_agent) if is_theirs and event.user_agent else None,
        "ip": shortened(event.ip) if is_theirs else None,
    }
