"""Signing in and out in a browser."""

from flask import Response, g, redirect, session, url_for
from flask_login import current_user, logout_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import sessions
from chirp_auth.accounts import sign_in as rule
from chirp_auth.errors import InvalidCredentials
from chirp_auth.extensions import csrf, settings
from chirp_auth.http.request_context import client
from chirp_auth.security import limits
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.email_verification import resend_url
from chirp_auth.web.forms import SignInForm
from chirp_auth.web.pages import page, refusals_into
from chirp_auth.web.sessions import start_session


@web.route("/login", methods=["GET", "POST"])
@csrf.exempt
def sign_in() -> Response | Redirect:
    if current_user.is_authenticated:
        return redirect(url_for("auth.web.home"), SEE_OTHER)
    form = SignInForm(email=session.get("asked_for"))
    if form.validate_on_submit():
        session["asked_for"] = form.text("email")
        with refusals_into(form):
            limits.sign_in()
            return start_session(
                rule.sign_in(form.text("email"), form.text("password"), client(FACE)), "You are signed in."
            )
    # Whoever has just registered reads here why it failed; so does everybody else, for nobody is told which it was.
    perhaps_new = settings.conceal_accounts and isinstance(g.get("refusal"), InvalidCredentials)
    return page("sign_in/sign_in.html", form=form, resend_verification_url=resend_url() if perhaps_new else None)


@web.post("/logout")
@csrf.exempt  # A second sign-out finds nobody signed in, and so nothing to protect.
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
