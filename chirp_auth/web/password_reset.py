"""Resetting a password in a browser: ask, check the mail, choose a new one.

The token leaves the address bar at once: the link's page moves it into the session cookie. GET and HEAD change
nothing, for mail scanners and previews open links too.
"""

from flask import Response, redirect, request, session, url_for
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import password_reset, reset_links
from chirp_auth.caller import client
from chirp_auth.errors import AuthError, InvalidToken, LinkReplaced, TokenAlreadyUsed, TokenExpired
from chirp_auth.extensions import settings
from chirp_auth.models import PasswordResetToken
from chirp_auth.security import limits
from chirp_auth.web import devices
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.forms import ForgotPasswordForm, ResetPasswordForm
from chirp_auth.web.pages import page, refusals_into
from chirp_auth.words import in_words

RESEND_SECONDS = 60
BROKEN_LINK = (InvalidToken, TokenExpired, TokenAlreadyUsed)


@web.route("/forgot-password", methods=["GET", "POST"])
def forgot_password() -> Response | Redirect:
    form = ForgotPasswordForm(email=session.get("asked_for"))
    if form.validate_on_submit():
        session["asked_for"] = form.text("email")
        with refusals_into(form, INVALID_EMAIL="email"):
            limits.forgot_password()
            password_reset.request_link(form.text("email"), client(FACE))
            return redirect(url_for("auth.web.check_mail"), SEE_OTHER)
    return page("password_reset/forgot.html", form=form)


@web.get("/forgot-password/sent")
def check_mail() -> Response:
    return page(
        "password_reset/check_mail.html",
        email=session.get("asked_for"),
        life=in_words(settings.password_reset_token_expires_in),
        resend_seconds=RESEND_SECONDS,
    )


@web.route("/reset-password", methods=["GET", "POST"])
def reset_password() -> Response | Redirect:
    if "token" in request.args:
        session["reset_token"] = request.args["token"]
        reset_links.note_opening(request.args["token"], client(FACE))
        return redirect(url_for("auth.web.reset_password"), SEE_OTHER)
    token = session.get("reset_token", "")
    form = ResetPasswordForm()
    try:
        link = reset_links.check_link(token)
        if form.validate_on_submit():
            return _reset(form, token, link)
    except BROKEN_LINK as refusal:
        return _link_refused(refusal)
    return _choose(form, token, link)


@web.post("/reset-password/new-link")
def new_link() -> Response | Redirect:
    try:
        limits.forgot_password()
        session["asked_for"] = password_reset.renew_link(session.get("reset_token", ""), client(FACE))
    except BROKEN_LINK as refusal:
        return _link_refused(refusal)
    return redirect(url_for("auth.web.check_mail"), SEE_OTHER)


@web.get("/reset-password/done")
def reset_done() -> Response | Redirect:
    done = session.get("reset_done")
    if done is None:
        return redirect(url_for("auth.web.sign_in"), SEE_OTHER)
    return page("password_reset/done.html", **done)


def _reset(form: ResetPasswordForm, token: str, link: PasswordResetToken) -> Response | Redirect:
    with refusals_into(form, PASSWORD_TOO_WEAK="password", PASSWORD_MISMATCH="confirm_password"):
        limits.reset_password()
        done = password_reset.reset_password(token, form.text("password"), form.text("confirm_password"), client(FACE))
        session.pop("reset_token")
        session["asked_for"] = done.user.email
        session["reset_done"] = {"email": done.user.email, "ended": done.ended_sessions}
        return devices.remember(redirect(url_for("auth.web.reset_done"), SEE_OTHER), done.user)
    return _choose(form, token, link)


def _choose(form: ResetPasswordForm, token: str, link: PasswordResetToken) -> Response:
    return page(
        "password_reset/reset.html",
        form=form,
        email=link.user.email,
        min_length=settings.password_min_length,
        open_in_app=reset_links.open_in_app(token),
    )


def _link_refused(refusal: AuthError) -> Response:
    reasons = {TokenExpired: "expired", TokenAlreadyUsed: "used", LinkReplaced: "replaced"}
    reason = reasons.get(type(refusal), "unknown")
    response = page("password_reset/link_refused.html", reason=reason, can_renew=reason in ("expired", "replaced"))
    response.status_code = 404 if reason == "unknown" else 410
    return response
