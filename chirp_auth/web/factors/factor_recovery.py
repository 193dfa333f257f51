"""Lost second factors: the page that starts the delayed recovery, and the link and the button that stop it."""

from typing import Any

from flask import Response, flash, redirect, request, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import reset_links
from chirp_auth.accounts.factors import factor_recovery as rule
from chirp_auth.accounts.factors import second_step
from chirp_auth.errors import InvalidToken, NotFound, TokenAlreadyUsed, TokenExpired
from chirp_auth.extensions import settings
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext
from chirp_auth.languages import lazy_gettext as _
from chirp_auth.models import FactorRecovery, User
from chirp_auth.security import limits
from chirp_auth.web import link_tokens, password_reset
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.broken_links import BROKEN_LINK, COPY_IT_AGAIN, RESET, SIGN_IN, Words, broken_link
from chirp_auth.web.current_session import account_button
from chirp_auth.web.factors.second_step import TICKET, begin_again
from chirp_auth.web.pages import page

SOMEBODY_ELSE = _(
    "Whoever started it can read your mail or knows your password: change the password of your mailbox, then this one."
)
WORDS = {
    TokenAlreadyUsed: Words(
        "done",
        _("It is stopped already"),
        _("The second factors of your account stay as they are. There is nothing more to do with this link."),
        (SIGN_IN,),
        (SOMEBODY_ELSE,),
    ),
    TokenExpired: Words(
        "clock",
        _("It is too late to stop this"),
        _("The second factors of the account are off since the waiting time was over."),
        (SIGN_IN, RESET),
        (
            _(
                "Was that not you? Our last mail about it has a button “This was not me”: "
                "it shuts everybody out and brings you back in."
            ),
        ),
    ),
    InvalidToken: Words(
        "link",
        _("We do not recognise this link to stop a recovery"),
        _("Perhaps your mail program cut it in two, or added a character at its end."),
        (SIGN_IN,),
        steps=COPY_IT_AGAIN,
    ),
}


@web.get("/reset-password/lost-factors")
def lost_factors_at_reset() -> Response | Redirect:
    try:
        user = reset_links.check_link(link_tokens.stored_token("reset_token")).user
    except BROKEN_LINK as error:
        return password_reset.link_refused(error)
    return _ask(user, "auth.web.start_recovery_at_reset", "auth.web.reset_password")


@web.post("/reset-password/lost-factors")
def start_recovery_at_reset() -> Response | Redirect:
    limits.reset_password()
    try:
        rule.start_by_link(link_tokens.stored_token("reset_token"), client(FACE))
    except NotFound:
        return redirect(url_for("auth.web.reset_password"), SEE_OTHER)
    except BROKEN_LINK as error:
        return password_reset.link_refused(error)
    return redirect(url_for("auth.web.lost_factors_at_reset"), SEE_OTHER)


@web.get("/login/lost-factors")
def lost_factors_at_sign_in() -> Response | Redirect:
    try:
        user = second_step.user_of(session.get(TICKET, ""))
    except (InvalidToken, TokenExpired):
        return begin_again()
    return _ask(user, "auth.web.start_recovery_at_sign_in", "auth.web.show_second_factor")


@web.post("/login/lost-factors")
def start_recovery_at_sign_in() -> Response | Redirect:
    limits.sign_in()
    try:
        rule.start(second_step.user_of(session.get(TICKET, "")), client(FACE), proved="password")
    except NotFound:
        return redirect(url_for("auth.web.show_second_factor"), SEE_OTHER)
    except (InvalidToken, TokenExpired):
        return begin_again()
    return redirect(url_for("auth.web.lost_factors_at_sign_in"), SEE_OTHER)


@web.get("/cancel-recovery")
def cancel_recovery() -> Response | Redirect:
    if "token" in request.args:
        link_tokens.store_token("recovery_token", request.args["token"])
        return redirect(url_for("auth.web.cancel_recovery"), SEE_OTHER)
    try:
        recovery = rule.check_link(link_tokens.stored_token("recovery_token"))
    except BROKEN_LINK as error:
        return broken_link(error, WORDS)
    return page("factor_recovery/cancel.html", email=recovery.user.email, due_at=recovery.due_at)


@web.post("/cancel-recovery")
def stop_recovery() -> Response | Redirect:
    limits.reset_password()
    try:
        rule.cancel_by_link(link_tokens.stored_token("recovery_token"), client(FACE))
    except BROKEN_LINK as error:
        return broken_link(error, WORDS)
    session.pop("recovery_token", None)
    return redirect(url_for("auth.web.recovery_stopped"), SEE_OTHER)


@web.get("/cancel-recovery/done")
def recovery_stopped() -> Response:
    return page("factor_recovery/stopped.html")


@web.post("/cancel-recovery/own")
@account_button
def stop_own_recovery() -> Redirect:
    rule.cancel(current_user, client(FACE))
    flash(gettext("Stopped. Your second factors stay as they are."))
    return redirect(url_for("auth.web.home"), SEE_OTHER)


@web.app_context_processor
def _banner() -> dict[str, Any]:
    """Let every page of the account show an open recovery; only the layout of somebody signed in asks for it."""
    return {"open_recovery": _open_recovery}


def _open_recovery() -> FactorRecovery | None:
    return rule.open_of(current_user.id)


def _ask(user: User, action: str, back: str) -> Response | Redirect:
    """Return the page that explains the recovery, or the one that says until when an open one can be stopped."""
    recovery = rule.open_of(user.id)
    if recovery is None and not rule.can_start(user):
        return redirect(url_for(back), SEE_OTHER)
    return page(
        "factor_recovery/lost.html",
        email=user.email,
        due_at=recovery.due_at if recovery else None,
        delay=settings.recovery_delay,
        action=url_for(action),
        back=url_for(back),
    )
