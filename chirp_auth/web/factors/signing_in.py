"""The page "Signing in": the authenticator app of an account, and the recovery codes that stand in for it."""

import re

import segno
from flask import Response, flash, redirect, request, url_for
from flask_login import current_user, login_required
from markupsafe import Markup
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import policy
from chirp_auth.accounts.factors import authenticator_app, recovery_codes
from chirp_auth.accounts.policy import Act
from chirp_auth.errors import AuthenticatorAppExists, MalformedRequest, NoSetUp, NotFound, WrongSecondFactor
from chirp_auth.extensions import csrf, settings
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext as _
from chirp_auth.security import codes
from chirp_auth.web import known_device_cookie
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.current_session import account_button, current_session, sign_in_browser
from chirp_auth.web.factors import passkeys
from chirp_auth.web.forms import SetUpForm
from chirp_auth.web.pages import page, sentence_of, show_error

FILE_NAME = "recovery-codes.txt"
ONE_CODE = re.compile(rf"[{codes.ALPHABET}]{{5}}-[{codes.ALPHABET}]{{5}}")


@web.get("/security")
@login_required
def factors() -> Response:
    return page(
        "factors/factors.html",
        app=authenticator_app.find(current_user),
        left=recovery_codes.left(current_user.id),
        few=recovery_codes.FEW,
        **passkeys.section_values(),
    )


@web.route("/security/authenticator-app", methods=["GET", "POST"])
@csrf.exempt
@login_required
def set_up_app() -> Response | Redirect:
    """Show what the app has to scan; with a code of it turn the second step on, and show the recovery codes."""
    form = SetUpForm()
    try:
        policy.require(Act.CHANGE_FACTORS, current_session)
        set_up = authenticator_app.under_way(current_session)
        if not form.validate_on_submit():
            return _set_up_page(form, set_up)
        added = authenticator_app.confirm(current_session, form.text("code"), client(FACE))
    except WrongSecondFactor as error:
        words = _("That is not the code that the app shows now. Is the clock of your phone right?")
        show_error(form, error, WRONG_SECOND_FACTOR=("code", words))
        return _set_up_page(form, set_up, error)
    except (AuthenticatorAppExists, NoSetUp) as error:
        flash(sentence_of(error))
        return redirect(url_for("auth.web.factors"), SEE_OTHER)
    sign_in_browser(added.session)
    shown = page("factors/codes.html", codes=added.recovery_codes, is_first=True)
    return known_device_cookie.remember(shown, added.session.user)


@web.post("/security/authenticator-app/begin")
@account_button
def begin_set_up() -> Redirect:
    try:
        authenticator_app.begin(current_session)
    except AuthenticatorAppExists as error:
        flash(sentence_of(error))
        return redirect(url_for("auth.web.factors"), SEE_OTHER)
    return redirect(url_for("auth.web.set_up_app"), SEE_OTHER)


@web.route("/security/authenticator-app/remove", methods=["GET", "POST"])
@login_required
def remove_app() -> Response | Redirect:
    policy.require(Act.CHANGE_FACTORS, current_session)
    if request.method == "GET":
        return page("factors/remove_app.html")
    try:
        authenticator_app.remove(current_session, client(FACE))
        flash(_("The authenticator app is removed. Every other place was signed out."))
    except NotFound:
        flash(_("There was no authenticator app any more."))
    return known_device_cookie.remember(redirect(url_for("auth.web.factors"), SEE_OTHER), current_session.user)


@web.route("/security/recovery-codes", methods=["GET", "POST"])
@login_required
def make_codes() -> Response | Redirect:
    policy.require(Act.CHANGE_FACTORS, current_session)
    if request.method == "GET":
        return page("factors/make_codes.html", left=recovery_codes.left(current_user.id))
    try:
        made = recovery_codes.make_anew(current_session, client(FACE))
    except NotFound:
        return redirect(url_for("auth.web.factors"), SEE_OTHER)
    return page("factors/codes.html", codes=made, is_first=False)


@web.post("/security/recovery-codes/file")
@account_button
def download_codes() -> Response:
    """Give the codes on the page back as a file: they are kept nowhere, so the page itself sends them."""
    shown = request.form.getlist("code")
    if not 0 < len(shown) <= recovery_codes.COUNT or not all(ONE_CODE.fullmatch(code) for code in shown):
        raise MalformedRequest
    title = _("Recovery codes for %(address)s at %(app_name)s", address=current_user.email, app_name=settings.app_name)
    response = Response("\n".join([title, "", *shown, ""]), mimetype="text/plain")
    response.headers["Content-Disposition"] = f'attachment; filename="{FILE_NAME}"'
    return response


def _set_up_page(form: SetUpForm, set_up: authenticator_app.SetUp, error: WrongSecondFactor | None = None) -> Response:
    secret = " ".join(re.findall("....", set_up.secret))
    return page("factors/set_up.html", error, form=form, uri=set_up.uri, secret=secret, qr_code=qr_code(set_up.uri))


def qr_code(text: str) -> Markup:
    """Return a QR code as SVG, black on white in every colour scheme: scanners want it so."""
    image = segno.make(text, error="m", micro=False)
    svg = image.svg_inline(omitsize=True, border=4, dark="#000", light="#fff", svgclass="qr", lineclass=None)
    return Markup(svg)  # noqa: S704 - nothing in it but the numbers of a path
