"""Asking for a link to choose a new password, and the page that says to look into the mail."""

from flask import Response, flash, redirect, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import email_suggestions, password_reset
from chirp_auth.clock import now
from chirp_auth.errors import AuthError
from chirp_auth.extensions import csrf, settings
from chirp_auth.formatting import in_words
from chirp_auth.http.request_context import client
from chirp_auth.security import limits
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.forms import ForgotPasswordForm
from chirp_auth.web.pages import page, show_error

RESEND_SECONDS = 60  # To wait after the first mail; each further one adds as much.


@web.route("/forgot-password", methods=["GET", "POST"])
@csrf.exempt
def forgot_password() -> Response | Redirect:
    email = current_user.email if current_user.is_authenticated else session.get("asked_for")
    form = ForgotPasswordForm(email=email)
    if form.validate_on_submit():
        session["asked_for"] = form.text("email")
        return _ask(form)
    return page("password_reset/forgot.html", form=form)


@web.get("/forgot-password/sent")
def check_mail() -> Response:
    email = session.get("asked", {}).get("email")
    return page(
        "password_reset/check_mail.html",
        email=email,
        life=in_words(settings.password_reset_token_expires_in),
        resend_seconds=_seconds_left(),
        suggestion=email_suggestions.suggest(email) if email else None,
    )


@web.post("/forgot-password/again")
def send_again() -> Response | Redirect:
    """Send another link to the same address, unless it is too early; the page counts down with script only."""
    email = session.get("asked", {}).get("email")
    if email is None:
        return redirect(url_for("auth.web.forgot_password"), SEE_OTHER)
    if seconds := _seconds_left():
        flash(f"Please wait {in_words(seconds)} before you ask for another link.")
        return redirect(url_for("auth.web.check_mail"), SEE_OTHER)
    return _ask(ForgotPasswordForm(formdata=None, email=email))


def sent_to(email: str) -> Redirect:
    """Lead to the page that says that a link is on its way, and note when, for the wait before the next one."""
    previous = session.get("asked", {})
    times = previous.get("times", 0) if previous.get("email") == email else 0
    session["asked"] = {"email": email, "at": int(now().timestamp()), "times": times + 1}
    session["asked_for"] = email
    return redirect(url_for("auth.web.check_mail"), SEE_OTHER)


def _ask(form: ForgotPasswordForm) -> Response | Redirect:
    try:
        limits.forgot_password()
        password_reset.request_link(form.text("email"), client(FACE))
    except AuthError as error:
        show_error(form, error, INVALID_EMAIL="email")
        return page("password_reset/forgot.html", error, form=form)
    return sent_to(form.text("email"))


def _seconds_left() -> int:
    asked = session.get("asked")
    return max(0, asked["at"] + RESEND_SECONDS * asked["times"] - int(now().timestamp())) if asked else 0
