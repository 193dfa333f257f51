"""Confirming an address in a browser: the link shows a button, and only the button changes something."""

from flask import Response, flash, redirect, request, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth import refused_tokens
from chirp_auth.accounts import email_verification
from chirp_auth.caller import client
from chirp_auth.errors import AuthError, InvalidToken, TokenExpired
from chirp_auth.security import limits
from chirp_auth.web import links
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.pages import page


@web.get("/verify-email")
def verify_email() -> Response | Redirect:
    if "token" in request.args:
        links.keep_token("verification_token", request.args["token"])
        return redirect(url_for("auth.web.verify_email"), SEE_OTHER)
    try:
        user = email_verification.check_link(session.get("verification_token", ""))
    except (InvalidToken, TokenExpired) as refusal:
        return _refused(refusal)
    return page("email_verification/verify.html", email=user.email, confirmed=user.email_verified_at is not None)


@web.post("/verify-email", endpoint="confirm_email")
def confirm_email() -> Response | Redirect:
    try:
        with refused_tokens.on_record("email.verified", FACE):
            user = email_verification.verify_email(session.get("verification_token", ""), client(FACE))
    except (InvalidToken, TokenExpired) as refusal:
        return _refused(refusal)
    session["asked_for"] = user.email
    flash("Thank you. Your email address is confirmed.")
    return redirect(_onwards(), SEE_OTHER)


@web.post("/verify-email/new-link")
def new_verification_link() -> Redirect:
    email = current_user.user.email if current_user.is_authenticated else session.get("asked_for")
    if email is None:
        return redirect(url_for("auth.web.sign_in"), SEE_OTHER)
    limits.resend_verification()
    email_verification.request_link(email, client(FACE))
    flash("If your address still has to be confirmed, a new link is on its way. Please look into your mail.")
    return redirect(_onwards(), SEE_OTHER)


def resend_url() -> str | None:
    """Return where a button can ask for a new link, if we know for which address."""
    known = current_user.is_authenticated or "asked_for" in session
    return url_for("auth.web.new_verification_link") if known else None


def _onwards() -> str:
    return url_for("auth.web.home" if current_user.is_authenticated else "auth.web.sign_in")


def _refused(refusal: AuthError) -> Response:
    expired = isinstance(refusal, TokenExpired)
    response = page("email_verification/refused.html", expired=expired, resend_verification_url=resend_url())
    response.status_code = 410 if expired else 404
    return response
