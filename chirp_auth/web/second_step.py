"""The second step of a sign-in in a browser: a code of the authenticator app, or a recovery code.

The cookie carries the ticket of the first step, and whether the browser is to stay signed in.
"""

from datetime import timedelta

from flask import Response, flash, redirect, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import second_step as rule
from chirp_auth.accounts import sessions, sign_in
from chirp_auth.errors import AuthError, InvalidToken, SecondFactorRequired, TokenExpired, WrongSecondFactor
from chirp_auth.extensions import csrf
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext as _
from chirp_auth.security import limits
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
        rule.user_of(ticket)
        if not form.validate_on_submit():
            return _form_page(form)
        limits.sign_in()
        keep, life = kept()
        new_session = sign_in.finish(ticket, form.text("code"), client(FACE), life)
    except (InvalidToken, TokenExpired):
        return begin_again()
    except AuthError as error:
        show_error(form, error, WRONG_SECOND_FACTOR="code")
        return _form_page(form, error)
    return start_session(new_session, _("You are signed in."), keep=keep, trust=form.trust.data)


def _form_page(form: SecondStepForm, error: AuthError | None = None) -> Response:
    return page("sign_in/second_step.html", error, form=form, is_wrong=isinstance(error, WrongSecondFactor))
