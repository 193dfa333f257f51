"""Deleting one's own account: asked for with the password, undone by the link in the mail within seven days."""

from datetime import datetime

from flask import Response, redirect, request, session, url_for
from flask_login import current_user, login_required, logout_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import deletion as rule
from chirp_auth.accounts import deletion_undo, policy
from chirp_auth.accounts.policy import Act
from chirp_auth.errors import AuthError, InvalidToken, TokenAlreadyUsed, TokenExpired
from chirp_auth.extensions import csrf
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext as _
from chirp_auth.languages import lazy_gettext
from chirp_auth.security import limits
from chirp_auth.web import link_tokens
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.broken_links import BROKEN_LINK, SIGN_IN, Action, Words, broken_link
from chirp_auth.web.current_session import current_session
from chirp_auth.web.forms import PasswordOnceMoreForm
from chirp_auth.web.pages import page, show_error

WORDS = {
    TokenExpired: Words(
        "clock",
        lazy_gettext("The seven days are over"),
        lazy_gettext("This account is deleted, or will be within the hour. You can open a new one."),
        (Action(lazy_gettext("Create an account"), "auth.web.register"),),
    ),
    TokenAlreadyUsed: Words(
        "done",
        lazy_gettext("Your account stays"),
        lazy_gettext("Its deletion was undone. Sign in as before."),
        (SIGN_IN,),
    ),
    InvalidToken: Words(
        "link",
        lazy_gettext("This link keeps no account"),
        lazy_gettext("Perhaps your mail program cut it in two. Go back to the mail and copy the whole line."),
        (SIGN_IN,),
    ),
}


@web.route("/delete-account", methods=["GET", "POST"])
@csrf.exempt
@login_required
def delete_account() -> Response | Redirect:
    policy.require(Act.DELETE_ACCOUNT, current_session)
    form = PasswordOnceMoreForm().asking(current_user)
    if not form.validate_on_submit():
        return _form_page(form)
    email, has_link = current_user.email, rule.is_undone_by_link(current_user)
    try:
        limits.sign_in()
        deleted_at = rule.request(current_session, form.text("password"), client(FACE))
    except AuthError as error:
        show_error(form, error, INVALID_CREDENTIALS=("password", _("That is not your password.")))
        return _form_page(form, error)
    logout_user()
    session.clear()
    session["deletion"] = [email, deleted_at.isoformat(), has_link]
    return redirect(url_for("auth.web.deletion_requested"), SEE_OTHER)


@web.get("/delete-account/done")
def deletion_requested() -> Response | Redirect:
    if "deletion" not in session:
        return redirect(url_for("auth.web.home"), SEE_OTHER)
    email, deleted_at, has_link = session["deletion"]
    at = datetime.fromisoformat(deleted_at)
    return page("deletion/requested.html", email=email, deleted_at=at, has_link=has_link)


@web.get("/undo-deletion")
def undo_deletion() -> Response | Redirect:
    if "token" in request.args:
        link_tokens.store_token("undo_token", request.args["token"])
        return redirect(url_for("auth.web.undo_deletion"), SEE_OTHER)
    try:
        user = deletion_undo.check_link(link_tokens.stored_token("undo_token"))
    except BROKEN_LINK as error:
        return broken_link(error, WORDS)
    return page("deletion/undo.html", email=user.email, deleted_at=rule.due_at(user))


@web.post("/undo-deletion")
def keep_account() -> Response | Redirect:
    limits.reset_password()
    try:
        user = deletion_undo.undo(link_tokens.stored_token("undo_token"), client(FACE))
    except BROKEN_LINK as error:
        return broken_link(error, WORDS)
    session.pop("undo_token", None)
    session["asked_for"] = user.email
    return redirect(url_for("auth.web.account_kept"), SEE_OTHER)


@web.get("/undo-deletion/done")
def account_kept() -> Response:
    return page("deletion/kept.html", email=session.get("asked_for"))


def _form_page(form: PasswordOnceMoreForm, error: AuthError | None = None) -> Response:
    return page(
        "deletion/ask.html", error, form=form, email=current_user.email, has_link=rule.is_undone_by_link(current_user)
    )
