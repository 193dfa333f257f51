"""A passkey in place of a code or a password, in a browser: at the second step, and where we ask once more."""

from flask import Response, redirect, session, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts.factors import passkey_factor as rule
from chirp_auth.errors import AuthError, InvalidToken, TokenExpired
from chirp_auth.extensions import csrf
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext as _
from chirp_auth.security import limits
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.current_session import account_button, current_session, start_session
from chirp_auth.web.factors import confirm, second_step
from chirp_auth.web.factors.passkey_answers import answer_in, options_of
from chirp_auth.web.forms import PasskeyForm
from chirp_auth.web.pages import sentence_of


@web.post("/login/second-step/passkey/options")
def second_step_options() -> Response:
    return options_of(lambda: rule.begin_second_step(session.get(second_step.TICKET, "")))


@web.route("/login/second-step/passkey", methods=["GET", "POST"])
@csrf.exempt
def finish_by_passkey() -> Response | Redirect:
    """Finish a sign-in by a passkey; whoever comes here by a link, or is signed in, is led on."""
    form = PasskeyForm()
    if current_user.is_authenticated or not form.is_submitted():
        return redirect(url_for("auth.web.show_second_factor"), SEE_OTHER)
    ticket, (keep, life) = session.get(second_step.TICKET, ""), second_step.kept()
    try:
        if not form.validate_on_submit():
            return second_step.refused_passkey(ticket, " ".join(form.csrf_token.errors))
        limits.sign_in()
        new_session = rule.finish(ticket, answer_in(form), client(FACE), life)
    except (InvalidToken, TokenExpired):
        return second_step.begin_again()
    except AuthError as error:
        return second_step.refused_passkey(ticket, sentence_of(error), error)
    return start_session(new_session, _("You are signed in."), keep=keep)


@web.post("/confirm/passkey/options")
@account_button
def proof_options() -> Response:
    return options_of(lambda: rule.begin_fresh_proof(current_session))


@web.route("/confirm/passkey", methods=["GET", "POST"])
@csrf.exempt
@login_required
def confirm_by_passkey() -> Response | Redirect:
    """Prove by a passkey, and go on; whoever comes here by a link is led to the page with the button."""
    form = PasskeyForm()
    if not form.is_submitted():
        return redirect(url_for("auth.web.confirm"), SEE_OTHER)
    if not form.validate_on_submit():
        return confirm.refused_passkey(" ".join(form.csrf_token.errors))
    try:
        limits.sign_in()
        rule.prove(current_session, answer_in(form), client(FACE))
    except AuthError as error:
        return confirm.refused_passkey(sentence_of(error), error)
    return confirm.go_on()
