"""Asking for a link to choose a new password."""

from flask import Response, session
from flask_login import current_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import password_reset
from chirp_auth.errors import AuthError
from chirp_auth.extensions import csrf
from chirp_auth.http.request_context import client
from chirp_auth.security import limits
from chirp_auth.web import check_mail, code_verifier, domain_slip
from chirp_auth.web.blueprint import FACE, web
from chirp_auth.web.forms import ForgotPasswordForm
from chirp_auth.web.pages import page, show_error


@web.route("/forgot-password", methods=["GET", "POST"])
@csrf.exempt
def forgot_password() -> Response | Redirect:
    email = current_user.email if current_user.is_authenticated else session.get("asked_for")
    form = ForgotPasswordForm(email=email)
    if not form.validate_on_submit():
        return _form_page(form)
    if suggestion := domain_slip.question(form):
        return _form_page(form, suggestion=suggestion)
    session["asked_for"] = form.text("email")
    try:
        limits.forgot_password()
        password_reset.request_link(form.text("email"), client(FACE), code_verifier.challenge())
    except AuthError as error:
        show_error(form, error, INVALID_EMAIL="email")
        return _form_page(form, error)
    return check_mail.sent("reset", form.text("email"))


def _form_page(form: ForgotPasswordForm, error: AuthError | None = None, suggestion: str | None = None) -> Response:
    return page("password_reset/forgot.html", error, form=form, suggestion=suggestion)
