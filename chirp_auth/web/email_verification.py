"""Confirming an address in a browser: the link shows a button, and only the button changes something."""

from flask import Response, flash, redirect, request, session, url_for
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import email_verification
from chirp_auth.caller import client
from chirp_auth.errors import InvalidToken, TokenExpired
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.pages import page


@web.get("/verify-email")
def verify_email() -> Response | Redirect:
    if "token" in request.args:
        session["verification_token"] = request.args["token"]
        return redirect(url_for("auth.web.verify_email"), SEE_OTHER)
    try:
        user = email_verification.check_link(session.get("verification_token", ""))
    except (InvalidToken, TokenExpired):
        return _refused()
    return page("email_verification/verify.html", email=user.email)


@web.post("/verify-email", endpoint="confirm_email")
def confirm_email() -> Response | Redirect:
    try:
        email_verification.verify_email(session.get("verification_token", ""), client(FACE))
    except (InvalidToken, TokenExpired):
        return _refused()
    session.pop("verification_token", None)
    flash("Thank you. Your email address is confirmed.")
    return redirect(url_for("auth.web.home"), SEE_OTHER)


def _refused() -> Response:
    response = page("email_verification/refused.html")
    response.status_code = 410
    return response
