"""The second step of a sign-in in a browser: a code of the authenticator app, or a recovery code.

The cookie carries the ticket of the first step, and whether the browser is to stay signed in.
"""

from datetime import timedelta

from flask import Response, flash, redirect, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import sessions, sign_in
from chirp_auth.accounts.factors import recovery_codes, second_factor
from chirp_auth.accounts.factors import second_step as rule
from chirp_auth.errors import AuthError, InvalidToken, SecondFactorRequired, TokenExpired, WrongSecondFactor
from chirp_auth.extensions import csrf
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext as _
from chirp_auth.languages import ngettext
from chirp_auth.models import User
from chirp_auth.security import limits, passkey_site, totp
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.current_session import start_session
from chirp_auth.web.forms import SecondStepForm
from chirp_auth.web.pages import page, show_error

TICKET, KEEP = "second_step", "second_step_keep"  # In the cookie.


def begin(step: SecondFactorRequired, *, keep: bool) -> Redirect:
    """Keep the ticket of a sign-in whose password was right, and ask for the second factor."""
    session[TICKET], session[KEEP] = step.ticket, keep
    session.pop("failed_sign_ins", None)
    return redirect(url_for("auth.web.show_second_factor"), SEE_OTHER)


def kept() -> tuple[bool, timedelta]:
    """Return whether the browser is to stay signed in, and how long the session lives by that."""
    keep = bool(session.get(KEEP))
    return keep, sessions.MAX_AGE if keep else sessions.MAX_AGE_NOT_KEPT


def begin_again() -> Redirect:
    """Lead to the password where the ticket is of no use any more, and say so."""
    if session.pop(TICKET, None):
        flash(_("That took too long, or the account was changed meanwhile. Please sign in again."))
    return redirect(url_for("auth.web.sign_in"), SEE_OTHER)


@web.route("/login/second-step", methods=["GET", "POST"])
@csrf.exempt
def show_second_factor() -> Response | Redirect:
    if current_user.is_authenticated:
        return redirect(url_for("auth.web.home"), SEE_OTHER)
    form = SecondStepForm()
    try:
        ticket = session.get(TICKET, "")
        user = rule.user_of(ticket)
        if not form.validate_on_submit():
            return _form_page(form, user)
        limits.sign_in()
        keep, life = kept()
        new_session = sign_in.finish(ticket, form.text("code"), client(FACE), life)
    except (InvalidToken, TokenExpired):
        return begin_again()
    except AuthError as error:
        show_error(form, error, WRONG_SECOND_FACTOR="code")
        return _form_page(form, user, error)
    return start_session(new_session, _welcome(user, form.text("code")), keep=keep, trust=form.trust.data)


def refused_passkey(ticket: str, sentence: str, error: AuthError | None = None) -> Response:
    """Show the page again after a passkey was refused.

    Raises:
        InvalidToken, TokenExpired: the ticket is of no use any more.
    """
    form = SecondStepForm(formdata=None)
    form.add_error(None, sentence)
    return _form_page(form, rule.user_of(ticket), error)


def _welcome(user: User, typed: str) -> str:
    """Say, to whoever used a recovery code, how many are left."""
    if totp.is_shaped_like_one(typed):
        return _("You are signed in.")
    return ngettext(
        "You are signed in. You have %(num)s recovery code left.",
        "You are signed in. You have %(num)s recovery codes left.",
        recovery_codes.left(user.id),
    )


def _form_page(form: SecondStepForm, user: User, error: AuthError | None = None) -> Response:
    has_passkey = passkey_site.are_possible() and second_factor.count_passkeys(user.id) > 0
    is_wrong = isinstance(error, WrongSecondFactor)
    return page("sign_in/second_step.html", error, form=form, is_wrong=is_wrong, has_passkey=has_passkey)
