"""Changing the password in a browser."""

from flask import Response, flash, redirect, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import password_change, policy
from chirp_auth.accounts.password_change import PasswordChange
from chirp_auth.accounts.policy import Act
from chirp_auth.errors import AuthError
from chirp_auth.extensions import csrf, settings
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext as _
from chirp_auth.languages import ngettext
from chirp_auth.security import limits
from chirp_auth.web import known_device_cookie, new_password
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.current_session import current_session, sign_in_browser
from chirp_auth.web.forms import ChangePasswordForm
from chirp_auth.web.pages import page, show_error


@web.route("/change-password", methods=["GET", "POST"])
@csrf.exempt
@login_required
def change_password() -> Response | Redirect:
    policy.require(Act.CHANGE_PASSWORD, current_session)
    form = ChangePasswordForm().asking(current_user)
    if not form.validate_on_submit():
        new_password.note_incomplete(form, "password.changed")
        new_password.show_every_fault(form, current_user, "new_password")
        return _form_page(form)
    try:
        limits.sign_in()
        change = _change(form)
    except AuthError as error:
        show_error(
            form,
            error,
            INVALID_CREDENTIALS=("current_password", _("That is not your current password.")),
            PASSWORD_TOO_WEAK="new_password",
            PASSWORD_MISMATCH="confirm_password",
        )
        new_password.show_every_fault(form, current_user, "new_password")
        return _form_page(form, error)
    sign_in_browser(change.session)
    flash(
        ngettext(
            "Your password is changed. Signed out in %(num)s other place.",
            "Your password is changed. Signed out in %(num)s other places.",
            change.ended_sessions,
        )
    )
    return known_device_cookie.remember(redirect(url_for("auth.web.home"), SEE_OTHER), change.session.user)


def _change(form: ChangePasswordForm) -> PasswordChange:
    return password_change.change_password(
        current_session,
        form.text("current_password"),
        form.text("new_password"),
        form.text("confirm_password"),
        client(FACE),
    )


def _form_page(form: ChangePasswordForm, error: AuthError | None = None) -> Response:
    return page(
        "password_change/change.html",
        error,
        form=form,
        email=current_user.email,
        min_length=settings.password_min_length,
    )
