"""The page for whoever is asked to confirm an address and never registered: only its button deletes the account."""

from flask import Response, redirect, request, session, url_for
from flask_login import logout_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import unwanted_registration as rule
from chirp_auth.errors import InvalidToken, TokenAlreadyUsed, TokenExpired
from chirp_auth.http.request_context import client
from chirp_auth.languages import lazy_gettext as _
from chirp_auth.security import limits
from chirp_auth.web import link_tokens
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.broken_links import BROKEN_LINK, RESET, Words, broken_link
from chirp_auth.web.pages import page

WORDS = {
    TokenExpired: Words(
        "clock",
        _("This link to delete an account has expired"),
        _("An account that nobody confirms is deleted after seven days anyway."),
        (RESET,),
    ),
    TokenAlreadyUsed: Words(
        "key",
        _("This address is confirmed"),
        _(
            "Somebody who reads your mail has confirmed it since, so the account is not deleted by this link. "
            "Was that not you? Reset the password: it signs everybody out."
        ),
        (RESET,),
    ),
    InvalidToken: Words(
        "link",
        _("There is nothing to delete"),
        _(
            "The account is gone already, or your mail program cut the link in two. "
            "Then go back to the mail and copy the whole line."
        ),
        (RESET,),
    ),
}


@web.get("/not-registered")
def not_registered() -> Response | Redirect:
    if "token" in request.args:
        link_tokens.store_token("unwanted_token", request.args["token"])
        return redirect(url_for("auth.web.not_registered"), SEE_OTHER)
    try:
        user = rule.check_link(link_tokens.stored_token("unwanted_token"))
    except BROKEN_LINK as error:
        return broken_link(error, WORDS)
    return page("unwanted_registration/ask.html", email=user.email, registered_at=user.created_at)


@web.post("/not-registered")
def remove_registration() -> Response | Redirect:
    limits.reset_password()
    try:
        rule.remove(link_tokens.stored_token("unwanted_token"), client(FACE))
    except BROKEN_LINK as error:
        return broken_link(error, WORDS)
    logout_user()
    session.clear()
    return redirect(url_for("auth.web.registration_removed"), SEE_OTHER)


@web.get("/not-registered/done")
def registration_removed() -> Response:
    return page("unwanted_registration/done.html")
