"""Changing the address in a browser: asked for with the password, done by the link in the mail to the new one."""

from flask import Response, flash, redirect, request, session, url_for
from flask_login import current_user, login_required, logout_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import address_change as rule
from chirp_auth.accounts import policy
from chirp_auth.accounts.policy import Act
from chirp_auth.errors import AuthError, InvalidToken, TokenAlreadyUsed, TokenExpired
from chirp_auth.extensions import csrf
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext
from chirp_auth.languages import lazy_gettext as _
from chirp_auth.security import limits
from chirp_auth.web import check_mail, domain_slip, link_tokens
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.broken_links import BROKEN_LINK, SIGN_IN, Words, broken_link
from chirp_auth.web.current_session import current_session
from chirp_auth.web.forms import ChangeAddressForm
from chirp_auth.web.pages import page, show_error

WORDS = {
    TokenExpired: Words(
        "clock",
        _("This link for a new address has expired"),
        _("Your address has not changed. Sign in and ask for a new link."),
        (SIGN_IN,),
    ),
    TokenAlreadyUsed: Words(
        "link",
        _("This link for a new address has already been used"),
        _("The address was changed by it. Sign in with the new one."),
        (SIGN_IN,),
    ),
    InvalidToken: Words(
        "link",
        _("This link for a new address does not work any more"),
        _(
            "Perhaps your mail program cut it in two, or something about the account has changed since. "
            "Sign in and ask for a new link."
        ),
        (SIGN_IN,),
    ),
}


@web.route("/change-address", methods=["GET", "POST"])
@csrf.exempt
@login_required
def change_address() -> Response | Redirect:
    policy.require(Act.CHANGE_ADDRESS, current_session)
    form = ChangeAddressForm(email=check_mail.asked_for("address_change")).asking(current_user)
    if not form.validate_on_submit():
        return _form_page(form)
    if suggestion := domain_slip.question(form):
        return _form_page(form, suggestion=suggestion)
    try:
        limits.sign_in()
        rule.request_change(current_session, form.text("password"), form.text("email"), client(FACE))
    except AuthError as error:
        show_error(
            form, error, INVALID_CREDENTIALS=("password", gettext("That is not your password.")), INVALID_EMAIL="email"
        )
        return _form_page(form, error)
    return check_mail.sent("address_change", form.text("email"))


@web.get("/confirm-address")
def confirm_address() -> Response | Redirect:
    if "token" in request.args:
        link_tokens.store_token("address_token", request.args["token"])
        return redirect(url_for("auth.web.confirm_address"), SEE_OTHER)
    try:
        change = rule.check_link(link_tokens.stored_token("address_token"))
    except BROKEN_LINK as error:
        return broken_link(error, WORDS)
    return page("address_change/confirm.html", email=change.new_email)


@web.post("/confirm-address")
def finish_address_change() -> Response | Redirect:
    limits.reset_password()
    try:
        user = rule.confirm_change(link_tokens.stored_token("address_token"), client(FACE))
    except BROKEN_LINK as error:
        return broken_link(error, WORDS)
    logout_user()
    session.clear()
    session["asked_for"] = user.email
    flash(gettext("Your address is changed. Please sign in with the new one."))
    return redirect(url_for("auth.web.sign_in"), SEE_OTHER)


def _form_page(form: ChangeAddressForm, error: AuthError | None = None, suggestion: str | None = None) -> Response:
    return page("address_change/change.html", error, form=form, email=current_user.email, suggestion=suggestion)
