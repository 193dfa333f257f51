"""Changing the address in a browser: asked for with the password, done by the link in the mail to the new one."""

from flask import Response, flash, redirect, request, session, url_for
from flask_login import current_user, login_required, logout_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import address_change as rule
from chirp_auth.errors import AuthError, InvalidToken, TokenAlreadyUsed, TokenExpired
from chirp_auth.extensions import csrf
from chirp_auth.formatting import in_words
from chirp_auth.http.request_context import client
from chirp_auth.security import limits
from chirp_auth.web import link_tokens
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.current_session import current_session
from chirp_auth.web.forms import ChangeAddressForm
from chirp_auth.web.pages import page, show_error

BROKEN_LINK = (InvalidToken, TokenExpired, TokenAlreadyUsed)
REASONS = {TokenExpired: "expired", TokenAlreadyUsed: "used"}


@web.route("/change-address", methods=["GET", "POST"])
@csrf.exempt
@login_required
def change_address() -> Response | Redirect:
    form = ChangeAddressForm()
    if not form.validate_on_submit():
        return _form_page(form)
    try:
        limits.sign_in()
        rule.request_change(current_session, form.text("password"), form.text("email"), client(FACE))
    except AuthError as error:
        show_error(form, error, INVALID_CREDENTIALS=("password", "That is not your password."), INVALID_EMAIL="email")
        return _form_page(form, error)
    session["new_address"] = form.text("email")
    return redirect(url_for("auth.web.address_link_sent"), SEE_OTHER)


@web.get("/change-address/sent")
@login_required
def address_link_sent() -> Response:
    return page("address_change/sent.html", email=session.get("new_address"), life=in_words(rule.LINK_LIFE))


@web.get("/confirm-address")
def confirm_address() -> Response | Redirect:
    if "token" in request.args:
        link_tokens.store_token("address_token", request.args["token"])
        return redirect(url_for("auth.web.confirm_address"), SEE_OTHER)
    try:
        change = rule.check_link(session.get("address_token", ""))
    except BROKEN_LINK as refusal:
        return _refused(refusal)
    return page("address_change/confirm.html", email=change.new_email)


@web.post("/confirm-address")
def finish_address_change() -> Response | Redirect:
    limits.reset_password()
    try:
        user = rule.confirm_change(session.get("address_token", ""), client(FACE))
    except BROKEN_LINK as refusal:
        return _refused(refusal)
    logout_user()
    session.clear()
    session["asked_for"] = user.email
    flash("Your address is changed. Please sign in with the new one.")
    return redirect(url_for("auth.web.sign_in"), SEE_OTHER)


def _form_page(form: ChangeAddressForm, error: AuthError | None = None) -> Response:
    return page("address_change/change.html", error, form=form, email=current_user.email)


def _refused(refusal: AuthError) -> Response:
    reason = REASONS.get(type(refusal), "unknown")
    response = page("address_change/refused.html", reason=reason)
    response.status_code = 404 if reason == "unknown" else 410
    return response
