"""The home page: the account and its sessions."""

from typing import Any
from uuid import UUID

from flask import Response, flash, redirect, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import sessions
from chirp_auth.accounts.factors import second_factor
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext as _
from chirp_auth.languages import ngettext
from chirp_auth.models import Session
from chirp_auth.security.client import shortened
from chirp_auth.security.devices import translated_device
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.current_session import account_button, current_session, tell_if_signed_out
from chirp_auth.web.pages import page


@web.get("/")
def home() -> Response:
    if not current_user.is_authenticated:
        tell_if_signed_out()
        return page("home.html")
    rows = [_row(session) for session in sessions.living(current_user, current_session)]
    has_second_step = second_factor.is_on(current_user.id)
    return page("home.html", user=current_user, sessions=rows, has_second_step=has_second_step)


@web.post("/sessions/<uuid:session_id>/end")
@account_button
def end_session(session_id: UUID) -> Redirect:
    ended = sessions.end(session_id, current_user, client(FACE))
    flash(_("Signed out there.") if ended else _("That place was signed out already."))
    return redirect(url_for("auth.web.home"), SEE_OTHER)


@web.post("/sessions/end-others")
@account_button
def end_other_sessions() -> Redirect:
    ended = sessions.end_others(current_session, client(FACE))
    flash(ngettext("Signed out in %(num)s other place.", "Signed out in %(num)s other places.", ended))
    return redirect(url_for("auth.web.home"), SEE_OTHER)


@web.get("/.well-known/change-password")
def well_known_change_password() -> Redirect:
    """Send password managers to the form (W3C, A Well-Known URL for Changing Passwords)."""
    return redirect(url_for("auth.web.change_password"), SEE_OTHER)


def _row(session: Session) -> dict[str, Any]:
    return {
        "id": session.id,
        "device": translated_device(session.user_agent),
        "ip": shortened(session.ip),
        "face": session.face,
        "created_at": session.created_at,
        "last_seen_at": session.last_seen_at,
        "current": session.id == current_session.id,
    }
