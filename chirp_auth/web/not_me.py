"""The page behind "this was not me" in a notice: the link shows what the button does, and only the button does it."""

from flask import Response, redirect, request, session, url_for
from flask_login import logout_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import account_recovery as rule
from chirp_auth.errors import AuthError, InvalidToken, TokenAlreadyUsed, TokenExpired
from chirp_auth.http.request_context import client
from chirp_auth.security import limits
from chirp_auth.web import link_tokens
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.pages import page

BROKEN_LINK = (InvalidToken, TokenExpired, TokenAlreadyUsed)
REASONS = {TokenExpired: "expired", TokenAlreadyUsed: "recovered"}


@web.get("/not-me")
def not_me() -> Response | Redirect:
    if "token" in request.args:
        link_tokens.store_token("not_me_token", request.args["token"])
        return redirect(url_for("auth.web.not_me"), SEE_OTHER)
    try:
        email = rule.check_link(session.get("not_me_token", ""))
    except BROKEN_LINK as refusal:
        return _refused(refusal)
    return page("not_me/ask.html", email=email)


@web.post("/not-me")
def secure_account() -> Response | Redirect:
    limits.reset_password()
    try:
        email = rule.secure_account(session.get("not_me_token", ""), client(FACE))
    except BROKEN_LINK as refusal:
        return _refused(refusal)
    logout_user()
    session.clear()
    session["secured"] = email
    return redirect(url_for("auth.web.secured"), SEE_OTHER)


@web.get("/not-me/done")
def secured() -> Response | Redirect:
    if "secured" not in session:
        return redirect(url_for("auth.web.forgot_password"), SEE_OTHER)
    return page("not_me/done.html", email=session["secured"])


def _refused(refusal: AuthError) -> Response:
    reason = REASONS.get(type(refusal), "unknown")
    response = page("not_me/refused.html", reason=reason)
    response.status_code = 404 if reason == "unknown" else 410
    return response
