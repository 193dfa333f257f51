"""The session of this browser: the row that its cookie names, who is signed in by it, and how it starts."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from uuid import UUID

from flask import current_app, flash, g, redirect, request, session, url_for
from flask_login import current_user, login_required, login_user, logout_user
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Response

from chirp_auth.accounts import sessions
from chirp_auth.extensions import csrf, login_manager
from chirp_auth.languages import gettext
from chirp_auth.models import Session, User
from chirp_auth.web import known_device_cookie
from chirp_auth.web.blueprint import SEE_OTHER

View = Callable[..., Response]


def find_current_session() -> Session | None:
    """Return the session that this browser's cookie names, if it is alive."""
    return cast("Session", g.current_session) if current_user.is_authenticated else None


# For views that ask for a login; `current_user` is its user.
current_session = cast("Session", LocalProxy(find_current_session))


def start_session(new_session: Session, message: str, *, keep: bool = False, trust: bool = False) -> Response:
    """Give the browser a fresh cookie for its new session, and go to the page that asked for the sign-in.

    Unless the browser is to `keep` it, the cookie ends when that is closed. `trust` a browser as in `known_devices`.
    """
    next_url = session.get("next_url") or url_for("auth.web.home")
    session.clear()  # Nothing that was planted before the sign-in survives it.
    session.permanent = keep
    sign_in_browser(new_session)
    flash(message)
    return known_device_cookie.remember(redirect(next_url, SEE_OTHER), new_session.user, trust=trust)


def sign_in_browser(new_session: Session) -> None:
    """Let the cookie name this session from now on."""
    login_user(new_session.user)
    session["_user_id"] = str(new_session.id)  # In place of the user's id: a session that has ended must be dead.
    g.current_session = new_session


@login_manager.user_loader
def _load_user(session_id: str) -> User | None:
    try:
        living_session = sessions.find(UUID(session_id))
    except ValueError:
        return None
    g.current_session = living_session
    return living_session.user if living_session else None


def account_button(view: View) -> View:
    """Protect a view that is only a button on a page of the account: first by a sign-in, then by the CSRF token.

    In this order whoever was signed out meanwhile, and so lost the token, is asked to sign in.
    """

    @wraps(view)
    def protected(**values: Any) -> Response:
        csrf.protect()
        return view(**values)

    return cast("View", csrf.exempt(login_required(protected)))


def tell_if_signed_out() -> bool:
    """Say, once, that the session has ended that this browser's cookie names; return whether there was one."""
    if "_user_id" not in session or current_user.is_authenticated:
        return False
    logout_user()
    flash(gettext("You were signed out. Sign in to go on."))
    return True


def ask_to_sign_in(next_url: str | None) -> Response:
    """Lead to the sign-in, and from there to this page, or to the account; say so where a session has ended."""
    if not tell_if_signed_out() and request.method == "POST":  # The page was opened while somebody was signed in.
        flash(gettext("You were signed out. Sign in to go on."))
    if next_url:
        session["next_url"] = next_url
    return redirect(url_for("auth.web.sign_in"), SEE_OTHER)


@login_manager.unauthorized_handler
def _ask_to_sign_in() -> Response:
    routes = current_app.create_url_adapter(request)
    is_page = routes is not None and "GET" in routes.allowed_methods(request.path)
    return ask_to_sign_in(request.path if is_page else None)
