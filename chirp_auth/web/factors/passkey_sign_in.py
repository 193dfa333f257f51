"""Signing in by passkey in a browser: by the button, or by choosing one where the address is typed."""

from flask import Response, redirect, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import sessions
from chirp_auth.accounts.factors import passkey_sign_in as rule
from chirp_auth.errors import AuthError
from chirp_auth.extensions import csrf
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext as _
from chirp_auth.security import limits
from chirp_auth.web import sign_in
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.current_session import start_session
from chirp_auth.web.factors.passkey_answers import answer_in, options_of
from chirp_auth.web.forms import PasskeySignInForm
from chirp_auth.web.pages import sentence_of


@web.post("/login/passkey/options")
def sign_in_options() -> Response:
    return options_of(rule.begin)


@web.route("/login/passkey", methods=["GET", "POST"])
@csrf.exempt
def sign_in_by_passkey() -> Response | Redirect:
    """Sign in; whoever comes here by a link, or is signed in, is led on."""
    form = PasskeySignInForm()
    if current_user.is_authenticated or not form.is_submitted():
        return redirect(url_for("auth.web.sign_in"), SEE_OTHER)
    if not form.validate_on_submit():
        return sign_in.form_page(sentence=" ".join(form.csrf_token.errors))
    max_age = sessions.MAX_AGE if form.keep.data else sessions.MAX_AGE_NOT_KEPT
    try:
        limits.sign_in()
        new_session = rule.sign_in_by_passkey(answer_in(form), client(FACE), max_age)
    except AuthError as error:
        return sign_in.form_page(error, sentence=sentence_of(error))
    return start_session(new_session, _("You are signed in."), keep=form.keep.data)
