"""Changing the password in a browser."""

from flask import Response, flash, redirect, url_for
from flask_login import current_user, login_required, login_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import password_change
from chirp_auth.errors import InvalidCredentials
from chirp_auth.extensions import csrf, settings
from chirp_auth.formatting import counted
from chirp_auth.http.request_context import client
from chirp_auth.security import limits
from chirp_auth.web import known_device_cookie
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.forms import ChangePasswordForm
from chirp_auth.web.pages import About, page, refusals_into

FIELDS: dict[str, About] = {
    InvalidCredentials.code: ("current_password", "That is not your current password."),
    "PASSWORD_TOO_WEAK": "new_password",
    "PASSWORD_MISMATCH": "confirm_password",
}


@web.route("/change-password", methods=["GET", "POST"])
@csrf.exempt
@login_required
def change_password() -> Response | Redirect:
    form = ChangePasswordForm()
    if form.validate_on_submit():
        with refusals_into(form, **FIELDS):
            limits.sign_in()
            change = password_change.change_password(
                current_user._get_current_object(),
                form.text("current_password"),
                form.text("new_password"),
                form.text("confirm_password"),
                client(FACE),
            )
            login_user(change.session)
            flash(f"Your password is changed. Signed out in {counted(change.ended_sessions, 'other place')}.")
            return known_device_cookie.remember(redirect(url_for("auth.web.home"), SEE_OTHER), change.session.user)
    return page(
        "password_change/change.html",
        form=form,
        email=current_user.user.email,
        min_length=settings.password_min_length,
    )
