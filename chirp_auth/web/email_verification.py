"""Confirming an address in a browser: the link shows a button, and only the button changes something.

Where the account is not signed in, the button needs its password, or a new one is chosen.
"""

from flask import Response, flash, redirect, request, session, url_for
from flask_login import current_user, logout_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import email_verification
from chirp_auth.accounts.factors import second_factor
from chirp_auth.errors import (
    AuthError,
    InvalidCredentials,
    PasswordMismatch,
    PasswordTooWeak,
    RateLimitExceeded,
    SecondFactorRequired,
    ServiceBusy,
    WrongSecondFactor,
)
from chirp_auth.extensions import settings
from chirp_auth.http import refused_tokens
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext
from chirp_auth.languages import lazy_gettext as _
from chirp_auth.models import User
from chirp_auth.security import limits
from chirp_auth.web import link_tokens, new_password, verification_links
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.broken_links import BROKEN_LINK
from chirp_auth.web.current_session import find_current_session, start_session
from chirp_auth.web.factors import second_step
from chirp_auth.web.forms import ConfirmEmailForm, ResetByLinkForm
from chirp_auth.web.pages import page, show_error

CONFIRMED = _("Thank you. Your email address is confirmed.")


@web.get("/verify-email")
def verify_email() -> Response | Redirect:
    if "token" in request.args:
        link_tokens.store_token("verification_token", request.args["token"])
        return redirect(url_for("auth.web.verify_email"), SEE_OTHER)
    try:
        user = email_verification.check_link(_token())
    except BROKEN_LINK as error:
        return verification_links.refused(error)
    return _ask(user, ConfirmEmailForm())


@web.post("/verify-email", endpoint="confirm_email")
def confirm_email() -> Response | Redirect:
    """Confirm with one button where the account is signed in, with its password elsewhere."""
    form = ConfirmEmailForm()
    try:
        with refused_tokens.on_record("email.verified", FACE):
            token = _token()
            user = email_verification.check_link(token)
        if _is_signed_in(user) or user.email_verified_at:
            return _confirmed(email_verification.verify_email(token, client(FACE), find_current_session()))
        if not form.validate_on_submit():
            return _ask(user, form)
        limits.sign_in()
        new_session = email_verification.verify_with_password(token, form.text("password"), client(FACE))
    except BROKEN_LINK as error:
        return verification_links.refused(error)
    except SecondFactorRequired as step:
        flash(str(CONFIRMED))
        return second_step.begin(step, keep=False)
    except (InvalidCredentials, RateLimitExceeded, ServiceBusy) as error:
        show_error(form, error, INVALID_CREDENTIALS="password")
        return _ask(user, form, error)
    return start_session(new_session, str(CONFIRMED))


@web.post("/verify-email/new-password", endpoint="confirm_email_with_new_password")
def confirm_with_new_password() -> Response | Redirect:
    form = ResetByLinkForm()
    is_complete = form.validate_on_submit()
    if is_complete:
        limits.reset_password()  # Before the link is looked up, so that guessing at links spends it.
    try:
        token = _token()
        user = email_verification.check_open_link(token)
        if not is_complete:
            new_password.show_every_fault(form, user)
            return _choose(user, form)
        password, confirmation = form.text("password"), form.text("confirm_password")
        factor = form.text("factor")
        email_verification.verify_with_new_password(token, password, confirmation, client(FACE), factor)
    except BROKEN_LINK as error:
        return verification_links.refused(error)
    except (SecondFactorRequired, WrongSecondFactor) as error:
        new_password.show_wrong_factor(form, error)
        return _choose(user, form, error)
    except (PasswordMismatch, PasswordTooWeak, ServiceBusy) as error:
        new_password.show_refusal(form, error, user)
        return _choose(user, form, error)
    logout_user()
    session["asked_for"] = user.email
    flash(gettext("Thank you. Your email address is confirmed. Please sign in with your new password."))
    return redirect(url_for("auth.web.sign_in"), SEE_OTHER)


@web.get("/verify-email/new-password", endpoint="choose_password_to_confirm")
def choose_password() -> Response | Redirect:
    try:
        user = email_verification.check_open_link(_token())
    except BROKEN_LINK as error:
        return verification_links.refused(error)
    return _choose(user, ResetByLinkForm())


def _token() -> str:
    return link_tokens.stored_token("verification_token")


def _is_signed_in(user: User) -> bool:
    return bool(current_user.is_authenticated and current_user.id == user.id)


def _ask(user: User, form: ConfirmEmailForm, error: AuthError | None = None) -> Response:
    return page(
        "email_verification/verify.html",
        error,
        form=form,
        email=user.email,
        confirmed=user.email_verified_at is not None,
        here=_is_signed_in(user),
    )


def _choose(user: User, form: ResetByLinkForm, error: AuthError | None = None) -> Response:
    return page(
        "email_verification/new_password.html",
        error,
        form=form,
        email=user.email,
        needs_factor=second_factor.is_on(user.id),
        min_length=settings.password_min_length,
    )


def _confirmed(user: User) -> Redirect:
    session["asked_for"] = user.email
    flash(str(CONFIRMED))
    return redirect(url_for("auth.web.home" if current_user.is_authenticated else "auth.web.sign_in"), SEE_OTHER)
