"""Signing in and out in a browser."""

from flask import Response, flash, g, redirect, session, url_for
from flask_login import current_user, login_user, logout_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import sessions
from chirp_auth.accounts import sign_in as rule
from chirp_auth.caller import client
from chirp_auth.errors import InvalidCredentials
from chirp_auth.extensions import csrf, settings
from chirp_auth.models import Session
from chirp_auth.security import limits
from chirp_auth.web import devices
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.email_verification import resend_url
from chirp_auth.web.forms import SignInForm
from chirp_auth.web.pages import page, refusals_into


@web.route("/login", methods=["GET", "POST"])
def sign_in() -> Response | Redirect:
    if current_user.is_authenticated:
        return redirect(url_for("auth.web.home"), SEE_OTHER)
    form = SignInForm(email=session.get("asked_for"))
    if form.validate_on_submit():
        session["asked_for"] = form.text("email")
        with refusals_into(form):
            limits.sign_in()
            return enter(rule.sign_in(form.text("email"), form.text("password"), client(FACE)), "You are signed in.")
    # Whoever has just registered reads here why it failed; so does everybody else, for nobody is told which it was.
    perhaps_new = settings.conceal_accounts and isinstance(g.get("refusal"), InvalidCredentials)
    return page("sign_in/sign_in.html", form=form, resend_verification_url=resend_url() if perhaps_new else None)


@web.post("/logout")
def sign_out() -> Redirect:
    if current_user.is_authenticated:
        csrf.protect()
        sessions.sign_out(current_user, client(FACE))
        logout_user()
    session.clear()
    return redirect(url_for("auth.web.signed_out"), SEE_OTHER)


@web.get("/signed-out")
def signed_out() -> Response:
    return page("sign_in/signed_out.html")


def enter(opened: Session, message: str) -> Redirect:
    """Give the browser a fresh cookie for its new session and go where it wanted to."""
    wanted = session.get("wanted") or url_for("auth.web.home")
    session.clear()  # Nothing that was planted before the sign-in survives it.
    session.permanent = True
    login_user(opened)
    flash(message)
    return devices.remember(redirect(wanted, SEE_OTHER), opened.user)
