"""The page after a reset: what it did, where it signed the owner out, and who else is signed in here."""

from flask import Response, redirect, session, url_for
from flask_login import current_user, logout_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import sessions
from chirp_auth.accounts.password_reset import PasswordReset
from chirp_auth.clock import now
from chirp_auth.http.request_context import client
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.current_session import current_session
from chirp_auth.web.pages import page

MAX_DEVICES_NAMED = 5


@web.get("/reset-password/done")
def reset_done() -> Response | Redirect:
    done = session.get("reset_done")
    if done is None:
        return redirect(url_for("auth.web.sign_in"), SEE_OTHER)
    return page("password_reset/done.html", somebody_else=somebody_else(done.get("email")), **done)


@web.post("/reset-password/sign-out")
def sign_out_somebody_else() -> Redirect:
    """Sign out whoever is signed in here, and go on: with the link, or after the reset to its owner's sign-in."""
    if current_user.is_authenticated:
        sessions.sign_out(current_session, client(FACE))
        logout_user()
    kept = {name: session[name] for name in ("reset_token", "reset_done", "asked_for") if name in session}
    session.clear()
    session.update(kept)
    return redirect(url_for("auth.web.sign_in" if "reset_done" in kept else "auth.web.reset_password"), SEE_OTHER)


def after(reset: PasswordReset, *, is_first: bool) -> Redirect:
    """Lead to the page, and keep what it says; the first password of an account is not called changed."""
    session["asked_for"] = reset.user.email
    session["reset_done"] = _in_words(reset) | {"is_first": is_first}
    return redirect(url_for("auth.web.reset_done"), SEE_OTHER)


def already_done() -> Redirect:
    """Answer a second click or tab: the first one's page if this browser has seen it, else that it is done."""
    session.setdefault("reset_done", {"already": True})
    return redirect(url_for("auth.web.reset_done"), SEE_OTHER)


def somebody_else(owner: str | None) -> str | None:
    """Return the address of who is signed in here, if it is not the link's owner."""
    return current_user.email if owner and current_user.is_authenticated and current_user.email != owner else None


def _in_words(reset: PasswordReset) -> dict[str, object]:
    """Return what the success page says, small enough for a cookie."""
    devices = list(dict.fromkeys(reset.devices))[:MAX_DEVICES_NAMED]
    return {"email": reset.user.email, "changed_at": now(), "ended": reset.ended_sessions, "devices": devices}
