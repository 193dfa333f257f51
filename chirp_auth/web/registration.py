"""Opening an account in a browser."""

from flask import Response, flash, redirect, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import registration, sessions
from chirp_auth.accounts.registration import Applicant
from chirp_auth.errors import AuthError
from chirp_auth.extensions import csrf, settings
from chirp_auth.http.request_context import client
from chirp_auth.security import limits
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.current_session import start_session
from chirp_auth.web.forms import RegisterForm
from chirp_auth.web.pages import page, show_error


@web.route("/register", methods=["GET", "POST"])
@csrf.exempt
def register() -> Response | Redirect:
    if current_user.is_authenticated:
        return redirect(url_for("auth.web.home"), SEE_OTHER)
    form = RegisterForm()
    if not form.validate_on_submit():
        return _form_page(form)
    session["asked_for"] = form.text("email")
    try:
        limits.register()
        new_session = registration.register(_applicant(form), client(FACE), sessions.MAX_AGE_NOT_KEPT)
    except AuthError as error:
        show_error(form, error, EMAIL_TAKEN="email", INVALID_EMAIL="email", PASSWORD_TOO_WEAK="password")
        return _form_page(form, error)
    if new_session:
        return start_session(new_session, f"Welcome to {settings.app_name}! Your account has been created.")
    flash("Thank you. Please follow the link in our mail to finish the registration.")
    return redirect(url_for("auth.web.sign_in"), SEE_OTHER)


def _form_page(form: RegisterForm, error: AuthError | None = None) -> Response:
    return page("registration/register.html", error, form=form, min_length=settings.password_min_length)


def _applicant(form: RegisterForm) -> Applicant:
    return Applicant(
        email=form.text("email"),
        password=form.text("password"),
        first_name=form.text("first_name"),
        last_name=form.text("last_name"),
        phone_number=form.text("phone_number"),
    )
