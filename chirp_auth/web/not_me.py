"""The page behind "this was not me" in a notice or on the activity page; only its button changes something."""

from flask import Response, redirect, request, session, url_for
from flask_login import current_user, login_required, logout_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import account_recovery as rule
from chirp_auth.errors import InvalidToken, TokenAlreadyUsed, TokenExpired
from chirp_auth.http.request_context import client
from chirp_auth.languages import lazy_gettext as _
from chirp_auth.security import limits
from chirp_auth.web import link_tokens
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.broken_links import BROKEN_LINK, Action, Words, broken_link
from chirp_auth.web.current_session import account_button, current_session
from chirp_auth.web.pages import page

ASK_FOR_HELP = _(
    "Is somebody else in your account? Ask for a link to reset your password: it signs everybody out. "
    "And write to us at the address below."
)
RESET = Action(_("Reset my password"), "auth.web.forgot_password")
WORDS = {
    TokenExpired: Words(
        "clock",
        _("This link out of a notice has expired"),
        _("The links in our notices work for seven days."),
        (RESET,),
        (ASK_FOR_HELP,),
    ),
    TokenAlreadyUsed: Words(
        "key",
        _("You have been back since"),
        _("Your password was reset after that notice, so its link has done its work."),
        (RESET,),
        (ASK_FOR_HELP,),
    ),
    InvalidToken: Words(
        "link",
        _("We do not recognise this link out of a notice"),
        _("Perhaps your mail program cut it in two. Go back to the mail and copy the whole line."),
        (RESET,),
        (ASK_FOR_HELP,),
    ),
}


@web.get("/not-me")
def not_me() -> Response | Redirect:
    if "token" in request.args:
        link_tokens.store_token("not_me_token", request.args["token"])
        return redirect(url_for("auth.web.not_me"), SEE_OTHER)
    try:
        email = rule.check_link(link_tokens.stored_token("not_me_token"))
    except BROKEN_LINK as error:
        return broken_link(error, WORDS)
    return page("not_me/ask.html", email=email, action=url_for("auth.web.secure_account"))


@web.post("/not-me")
def secure_account() -> Response | Redirect:
    limits.reset_password()
    try:
        email = rule.secure_account(link_tokens.stored_token("not_me_token"), client(FACE))
    except BROKEN_LINK as error:
        return broken_link(error, WORDS)
    return _everybody_is_out(email)


@web.get("/activity/not-me")
@login_required
def not_me_signed_in() -> Response | Redirect:
    if not rule.may_secure(current_user):
        return redirect(url_for("auth.web.activity"), SEE_OTHER)
    return page("not_me/ask.html", email=current_user.email, action=url_for("auth.web.secure_own_account"))


@web.post("/activity/not-me")
@account_button
def secure_own_account() -> Response | Redirect:
    limits.reset_password()
    try:
        email = rule.secure_own_account(current_session, client(FACE))
    except InvalidToken:  # Somebody changed the account at this moment, or its address is not confirmed.
        return redirect(url_for("auth.web.not_me_signed_in"), SEE_OTHER)
    return _everybody_is_out(email)


@web.get("/not-me/done")
def secured() -> Response | Redirect:
    if "secured" not in session:
        return redirect(url_for("auth.web.forgot_password"), SEE_OTHER)
    return page("not_me/done.html", email=session["secured"])


def _everybody_is_out(email: str) -> Redirect:
    logout_user()
    session.clear()
    session["secured"] = email
    return redirect(url_for("auth.web.secured"), SEE_OTHER)
