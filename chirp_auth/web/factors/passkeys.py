"""The passkeys of an account in a browser: looking at them, adding, naming and removing one."""

from typing import Any
from uuid import UUID

from flask import Response, flash, redirect, url_for
from flask_login import login_required
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import policy
from chirp_auth.accounts.factors import passkeys as rule
from chirp_auth.accounts.policy import Act
from chirp_auth.errors import PasskeyRefused, RateLimitExceeded, ServiceBusy, TooManyPasskeys, ValidationFailed
from chirp_auth.extensions import csrf
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext as _
from chirp_auth.models import Passkey
from chirp_auth.security import limits, passkey_site
from chirp_auth.web import known_device_cookie
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.current_session import account_button, current_session
from chirp_auth.web.factors.passkey_answers import answer_in, options_of
from chirp_auth.web.forms import AddPasskeyForm, PasskeyNameForm
from chirp_auth.web.pages import page, show_error


@web.get("/passkeys")
@login_required
def passkeys() -> Response:
    return page("passkeys/passkeys.html", **section_values())


@web.route("/passkeys/add", methods=["GET", "POST"])
@csrf.exempt
@login_required
def add_passkey() -> Response | Redirect:
    policy.require(Act.CHANGE_FACTORS, current_session)
    form = AddPasskeyForm()
    if not form.validate_on_submit():
        return page("passkeys/add.html", form=form, is_possible=passkey_site.are_possible())
    try:
        limits.passkeys()
        passkey = rule.add(current_session, answer_in(form), form.text("name"), client(FACE))
    except (PasskeyRefused, RateLimitExceeded, ServiceBusy, TooManyPasskeys, ValidationFailed) as error:
        show_error(form, error)
        return page("passkeys/add.html", error, form=form, is_possible=passkey_site.are_possible())
    flash(_("The passkey “%(name)s” was added. From now on it signs you in.", name=passkey.name))
    return _to_list()


@web.post("/passkeys/add/options")
@account_button
def passkey_options() -> Response:
    return options_of(lambda: rule.begin(current_session))


@web.route("/passkeys/<uuid:passkey_id>/rename", methods=["GET", "POST"])
@csrf.exempt
@login_required
def rename_passkey(passkey_id: UUID) -> Response | Redirect:
    passkey = rule.find(current_session, passkey_id)
    form = PasskeyNameForm(name=passkey.name)
    if not form.validate_on_submit():
        return page("passkeys/rename.html", form=form, passkey=passkey)
    try:
        rule.rename(current_session, passkey_id, form.text("name"), client(FACE))
    except ValidationFailed as error:
        show_error(form, error)
        return page("passkeys/rename.html", error, form=form, passkey=passkey)
    flash(_("The new name is saved."))
    return _to_list()


@web.get("/passkeys/<uuid:passkey_id>/remove")
@login_required
def ask_to_remove_passkey(passkey_id: UUID) -> Response:
    policy.require(Act.CHANGE_FACTORS, current_session)
    passkey = rule.find(current_session, passkey_id)
    return page("passkeys/remove.html", passkey=passkey, is_last_way_in=rule.is_last_way_in(current_session.user))


@web.post("/passkeys/<uuid:passkey_id>/remove")
@account_button
def remove_passkey(passkey_id: UUID) -> Redirect:
    user = current_session.user
    rule.remove(current_session, passkey_id, client(FACE))
    flash(_("The passkey was removed, and you were signed out everywhere else."))
    return known_device_cookie.remember(_to_list(), user)


def section_values() -> dict[str, Any]:
    """Return the values of `passkeys/section.html`, for each page that includes it."""
    rows = rule.listed(current_session.user)
    return {
        "passkeys": [_row(passkey) for passkey in rows],
        "may_add_passkey": len(rows) < rule.MAX_PASSKEYS,
        "is_confirmed": current_session.user.email_verified_at is not None,
    }


def _row(passkey: Passkey) -> dict[str, Any]:
    names = ("id", "name", "created_at", "last_used_at", "is_synced")
    return {name: getattr(passkey, name) for name in names}


def _to_list() -> Redirect:
    return redirect(url_for("auth.web.passkeys"), SEE_OTHER)
