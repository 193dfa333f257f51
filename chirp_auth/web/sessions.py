"""The browser's session: a cookie of its own for whoever has just shown to be the account's owner."""

from flask import flash, redirect, session, url_for
from flask_login import login_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.models import Session
from chirp_auth.web import known_device_cookie
from chirp_auth.web.blueprint import SEE_OTHER


def start_session(opened: Session, message: str) -> Redirect:
    """Give the browser a fresh cookie for its new session and go where it wanted to."""
    wanted = session.get("wanted") or url_for("auth.web.home")
    session.clear()  # Nothing that was planted before the sign-in survives it.
    session.permanent = True
    login_user(opened)
    flash(message)
    return known_device_cookie.remember(redirect(wanted, SEE_OTHER), opened.user)
