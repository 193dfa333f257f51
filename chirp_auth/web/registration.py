"""Opening an account in a browser."""

from flask import Response, flash, redirect, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import registration
from chirp_auth.accounts.registration import Applicant
from chirp_auth.extensions import csrf, settings
from chirp_auth.http.request_context import client
from chirp_auth.security import limits
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.forms import RegisterForm
from chirp_auth.web.pages import page, refusals_into
from chirp_auth.web.sessions import start_session


@web.route("/register", methods=["GET", "POST"])
@csrf.exempt
def register() -> Response | Redirect:
    if current_user.is_authenticated:
        return redirect(url_for("auth.web.home"), SEE_OTHER)
    form = RegisterForm()
    if form.validate_on_submit():
        session["asked_for"] = form.text("email")
        with refusals_into(form, EMAIL_TAKEN="email", INVALID_EMAIL="email", PASSWORD_TOO_WEAK="password"):
            limits.register()
            opened = registration.register(_applicant(form), client(FACE))
            if opened:
                return start_session(opened, f"Welcome to {settings.app_name}! Your account has been created.")
            flash("Thank you. Please follow the link in our mail to finish the registration.")
            return redirect(url_for("auth.web.sign_in"), SEE_OTHER)
    return page("registration/register.html", form=form, min_length=settings.password_min_length)


def _applicant(form: RegisterForm) -> Applicant:
    return Applicant(
        email=form.text("email"),
        password=form.text("password"),
        first_name=form.text("first_name"),
        last_name=form.text("last_name"),
        phone_number=form.text("phone_number"),
    )
