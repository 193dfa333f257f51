"""The page for whoever is asked to confirm an address and never registered: only its button deletes the account."""

from flask import Response, redirect, request, session, url_for
from flask_login import logout_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import unwanted_registration as rule
from chirp_auth.errors import AuthError, InvalidToken, TokenAlreadyUsed, TokenExpired
from chirp_auth.http.request_context import client
from chirp_auth.security import limits
from chirp_auth.web import link_tokens
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.pages import page

BROKEN_LINK = (InvalidToken, TokenExpired, TokenAlreadyUsed)
REASONS = {TokenExpired: "expired", TokenAlreadyUsed: "confirmed"}


@web.get("/not-registered")
def not_registered() -> Response | Redirect:
    if "token" in request.args:
        link_tokens.store_token("unwanted_token", request.args["token"])
        return redirect(url_for("auth.web.not_registered"), SEE_OTHER)
    try:
        user = rule.check_link(session.get("unwanted_token", ""))
    except BROKEN_LINK as refusal:
        return _refused(refusal)
    return page("unwanted_registration/ask.html", email=user.email, registered_at=user.created_at)


@web.post("/not-registered")
def remove_registration() -> Response | Redirect:
    limits.reset_password()
    try:
        rule.remove(session.get("unwanted_token", ""), client(FACE))
    except BROKEN_LINK as refusal:
        return _refused(refusal)
    logout_user()
    session.clear()
    return redirect(url_for("auth.web.registration_removed"), SEE_OTHER)


@web.get("/not-registered/done")
def registration_removed() -> Response:
    return page("unwanted_registration/done.html")


def _refused(refusal: AuthError) -> Response:
    reason = REASONS.get(type(refusal), "unknown")
    response = page("unwanted_registration/refused.html", reason=reason)
    response.status_code = 404 if reason == "unknown" else 410
    return response
