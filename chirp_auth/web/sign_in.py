"""Signing in and out in a browser."""

from flask import Response, redirect, session, url_for
from flask_login import current_user, logout_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import lockout, sessions
from chirp_auth.accounts import sign_in as rule
from chirp_auth.errors import AuthError, InvalidCredentials, SecondFactorRequired
from chirp_auth.extensions import csrf, settings
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext as _
from chirp_auth.security import limits, passkey_site
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.current_session import current_session, start_session
from chirp_auth.web.factors import second_step
from chirp_auth.web.forms import SignInForm
from chirp_auth.web.pages import page, show_error
from chirp_auth.web.verification_links import resend_url


@web.route("/login", methods=["GET", "POST"])
@csrf.exempt
def sign_in() -> Response | Redirect:
    if current_user.is_authenticated:
        return redirect(url_for("auth.web.home"), SEE_OTHER)
    form = SignInForm(email=session.get("asked_for"))
    if not form.validate_on_submit():
        return form_page(form=form)
    session["asked_for"] = form.text("email")
    try:
        limits.sign_in()
        max_age = sessions.MAX_AGE if form.keep.data else sessions.MAX_AGE_NOT_KEPT
        new_session = rule.sign_in(form.text("email"), form.text("password"), client(FACE), max_age)
    except SecondFactorRequired as step:
        return second_step.begin(step, keep=form.keep.data)
    except AuthError as error:
        show_error(form, error, INVALID_CREDENTIALS=(None, _("That email address and password do not match.")))
        return form_page(error, form)
    return start_session(new_session, _("You are signed in."), keep=form.keep.data)


@web.post("/logout")
@csrf.exempt  # A second sign-out finds nobody signed in, and so nothing to protect.
def sign_out() -> Redirect:
    if current_user.is_authenticated:
        csrf.protect()
        sessions.sign_out(current_session, client(FACE))
        logout_user()
    session.clear()
    return redirect(url_for("auth.web.signed_out"), SEE_OTHER)


@web.get("/signed-out")
def signed_out() -> Response:
    return page("sign_in/signed_out.html")


def form_page(
    error: AuthError | None = None, form: SignInForm | None = None, *, sentence: str | None = None
) -> Response:
    """Return the page; `sentence` is what was wrong with another way of signing in than by its form."""
    by_password = form is not None
    form = form or SignInForm(formdata=None, email=session.get("asked_for"))
    if sentence:
        form.add_error(None, sentence)
    has_failed = by_password and isinstance(error, InvalidCredentials)
    if has_failed:  # Counted in this browser, whatever the address: so the words tell nothing about it.
        session["failed_sign_ins"] = session.get("failed_sign_ins", 0) + 1
    # A new account may have to confirm its address first. The page cannot say whose, so it says it to everybody.
    maybe_unconfirmed = settings.conceal_accounts and has_failed
    return page(
        "sign_in/sign_in.html",
        error,
        form=form,
        has_failed=has_failed,
        passkeys=passkey_site.are_possible(),
        fills_in=sentence is None,  # Not once more what was refused just now.
        may_be_paused=has_failed and session["failed_sign_ins"] > lockout.FREE_FAILURES,
        resend_verification_url=resend_url() if maybe_unconfirmed else None,
    )
