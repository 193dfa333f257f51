"""Showing once more that it is you, before what needs a fresh proof; then on to the page that asked for it."""

from flask import Response, current_app, redirect, request, session, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts.factors import fresh_proof, second_factor
from chirp_auth.errors import AuthError, FreshProofRequired
from chirp_auth.extensions import csrf
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext as _
from chirp_auth.security import limits, passkey_site
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.current_session import current_session
from chirp_auth.web.forms import FreshProofForm
from chirp_auth.web.pages import page, show_error


@web.errorhandler(FreshProofRequired)
def ask_for_proof(_refusal: FreshProofRequired) -> Redirect:
    """Lead to the proof and back; from a button to the page that it stands on."""
    routes = current_app.create_url_adapter(request)
    is_page = routes is not None and "GET" in routes.allowed_methods(request.path)
    session["next_url"] = request.path if is_page else url_for("auth.web.factors")
    return redirect(url_for("auth.web.confirm"), SEE_OTHER)


@web.route("/confirm", methods=["GET", "POST"])
@csrf.exempt
@login_required
def confirm() -> Response | Redirect:
    form = _asking(FreshProofForm())
    if not form.validate_on_submit():
        return _form_page(form)
    try:
        limits.sign_in()
        fresh_proof.prove(current_session, form.text("password"), form.text("code"), client(FACE))
    except AuthError as error:
        words = _("That is not your password.")
        show_error(form, error, INVALID_CREDENTIALS=("password", words), WRONG_SECOND_FACTOR="code")
        return _form_page(form, error)
    return go_on()


def go_on() -> Redirect:
    """Lead to what the proof was asked for."""
    return redirect(session.pop("next_url", None) or url_for("auth.web.home"), SEE_OTHER)


def refused_passkey(sentence: str, error: AuthError | None = None) -> Response:
    """Show the page again after a passkey was refused."""
    form = _asking(FreshProofForm(formdata=None))
    form.add_error(None, sentence)
    return _form_page(form, error)


def _asking(form: FreshProofForm) -> FreshProofForm:
    """Return the form without the fields for what the account does not have."""
    if not second_factor.is_on(current_user.id):
        del form["code"]
    return form.asking(current_user)


def _form_page(form: FreshProofForm, error: AuthError | None = None) -> Response:
    has_passkey = passkey_site.are_possible() and second_factor.count_passkeys(current_user.id) > 0
    return page("sign_in/confirm.html", error, form=form, email=current_user.email, has_passkey=has_passkey)
