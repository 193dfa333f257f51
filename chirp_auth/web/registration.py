"""Opening an account in a browser. Everything that is wrong is said at once."""

from typing import NamedTuple

from flask import Response, redirect, request, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import registration, sessions
from chirp_auth.accounts.registration import Applicant
from chirp_auth.errors import AuthError, EmailTaken
from chirp_auth.extensions import csrf, settings
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext as _
from chirp_auth.models import Session
from chirp_auth.security import limits
from chirp_auth.web import check_mail, domain_slip, held_password
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.current_session import start_session
from chirp_auth.web.forms import RegisterForm
from chirp_auth.web.pages import page, sentence_of, show_error


class Refusal(NamedTuple):
    """Why the form comes back: the error that decides the page's status, or an address to ask about."""

    error: AuthError | None = None
    suggestion: str | None = None


@web.route("/register", methods=["GET", "POST"])
@csrf.exempt
def register() -> Response | Redirect:
    if current_user.is_authenticated:
        return redirect(url_for("auth.web.home"), SEE_OTHER)
    form = RegisterForm(email=session.get("asked_for"))
    if request.method != "POST":
        held_password.forget()  # It may be another person's who sits here now.
    is_complete = form.validate_on_submit()
    if form.csrf_token.errors or not (is_complete or form.errors):  # A stale form, or one that was only opened.
        return _form_page(form)
    held = None if form.text("password") else held_password.held()
    if held:
        form.password.errors = []
    answer = _open_account(form, held)
    if not isinstance(answer, Refusal):
        return answer
    if form.text("password") and not form.password.errors:
        held_password.hold(form.text("password"))
    return _form_page(form, *answer)


def _open_account(form: RegisterForm, held: str | None) -> Refusal | Redirect:
    """Open the account, or put everything that is wrong beside its field."""
    suggestion = None if form.email.errors else domain_slip.question(form)
    applicant = _applicant(form, held)
    for field, fault in registration.faults(applicant).items():
        if not form[field].errors:
            form.add_error(field, sentence_of(fault))
    if form.email.errors or suggestion:
        return Refusal(suggestion=suggestion)
    session["asked_for"] = applicant.email
    try:
        limits.register()
        if form.errors:  # Nothing is opened, so whether the address is taken is looked up for the page alone.
            if registration.is_told_taken(applicant.email):
                raise EmailTaken
            return Refusal()
        new_session = registration.register(applicant, client(FACE), sessions.MAX_AGE_NOT_KEPT)
    except AuthError as error:
        show_error(form, error, EMAIL_TAKEN="email", INVALID_EMAIL="email", PASSWORD_TOO_WEAK="password")
        return Refusal(error)
    held_password.forget()
    return _check_mail(applicant.email, new_session)


def _check_mail(email: str, new_session: Session | None) -> Redirect:
    """Lead to the page that says so of the mail; from there people go on to where they wanted."""
    next_url = session.get("next_url")
    if new_session is None:
        return check_mail.sent("confirmation", email)
    welcome = _("Welcome to %(app)s! Your account has been created.", app=settings.app_name)
    answer = start_session(new_session, welcome)
    answer.location = check_mail.sent("confirmation", email).location
    if next_url:
        session["next_url"] = next_url
    return answer


def _form_page(form: RegisterForm, error: AuthError | None = None, suggestion: str | None = None) -> Response:
    return page(
        "registration/register.html",
        error,
        form=form,
        min_length=settings.password_min_length,
        suggestion=suggestion,
        is_taken=isinstance(error, EmailTaken),
        password_is_held=not form.password.errors and held_password.held() is not None,
    )


def _applicant(form: RegisterForm, held: str | None) -> Applicant:
    return Applicant(
        email=form.text("email"),
        password=form.text("password"),
        first_name=form.text("first_name"),
        last_name=form.text("last_name"),
        phone_number=form.text("phone_number"),
        password_hash=held,
    )
