"""Resetting a password in a browser: opening the link and choosing a new password.

The token leaves the address bar at once: the link's page moves it into the session cookie. GET and HEAD change
nothing, for mail scanners and previews open links too.
"""

from contextlib import nullcontext

from flask import Response, redirect, request, session, url_for
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import password_reset, reset_links, reset_refusals
from chirp_auth.accounts.factors import second_factor
from chirp_auth.errors import (
    AuthError,
    InvalidToken,
    LinkReplaced,
    PasswordMismatch,
    PasswordTooWeak,
    SecondFactorRequired,
    ServiceBusy,
    TokenAlreadyUsed,
    TokenExpired,
    WrongSecondFactor,
)
from chirp_auth.extensions import csrf, settings
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext
from chirp_auth.languages import lazy_gettext as _
from chirp_auth.models import PasswordResetToken
from chirp_auth.security import limits
from chirp_auth.web import check_mail, code_verifier, known_device_cookie, link_tokens, new_password, reset_done
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.broken_links import BROKEN_LINK, COPY_IT_AGAIN, SIGN_IN, Action, Words, broken_link
from chirp_auth.web.forms import ResetByLinkForm
from chirp_auth.web.pages import page

ASK_AGAIN = Action(_("Ask for a new link"), "auth.web.forgot_password")


@web.route("/reset-password", methods=["GET", "POST"])
@csrf.exempt
def reset_password() -> Response | Redirect:
    if "token" in request.args:
        link_tokens.store_token("reset_token", request.args["token"])
        session.pop("reset_done", None)
        reset_links.note_opening(session["reset_token"], client(FACE))
        return redirect(url_for("auth.web.reset_password"), SEE_OTHER)
    form = ResetByLinkForm()
    is_complete = form.validate_on_submit()
    if is_complete:
        limits.reset_password()  # Before the link is looked up, so that guessing at links spends it too.
    else:
        new_password.note_incomplete(form, "password_reset.refused")
    try:
        with reset_refusals.on_record(client(FACE)) if is_complete else nullcontext():
            link = reset_links.check_link(link_tokens.stored_token("reset_token"))
        if is_complete:
            return _reset(form, link)
        new_password.show_every_fault(form, link.user)
        return _form_page(form, link)
    except BROKEN_LINK as error:
        if isinstance(error, TokenAlreadyUsed) and request.method == "POST":
            return reset_done.already_done()
        return link_refused(error)


@web.post("/reset-password/new-link")
def new_link() -> Response | Redirect:
    try:
        limits.forgot_password()
        token = link_tokens.stored_token("reset_token")
        email = password_reset.renew_link(token, client(FACE), code_verifier.challenge())
    except BROKEN_LINK as error:
        return link_refused(error)
    return check_mail.sent("renewed", email)


def _reset(form: ResetByLinkForm, link: PasswordResetToken) -> Response | Redirect:
    password, confirmation = form.text("password"), form.text("confirm_password")
    is_first = link.user.password_changed_at is None  # Whoever was invited resets nothing.
    try:
        reset = password_reset.use_link(link, password, confirmation, client(FACE), form.text("factor"))
    except (PasswordMismatch, PasswordTooWeak, ServiceBusy) as error:
        new_password.show_refusal(form, error, link.user)
        return _form_page(form, link, error)
    except (SecondFactorRequired, WrongSecondFactor) as error:
        new_password.show_wrong_factor(form, error)
        return _form_page(form, link, error)
    return known_device_cookie.remember(reset_done.after(reset, is_first=is_first), reset.user)


def _form_page(form: ResetByLinkForm, link: PasswordResetToken, error: AuthError | None = None) -> Response:
    return page(
        "password_reset/reset.html",
        error,
        form=form,
        email=link.user.email,
        somebody_else=reset_done.somebody_else(link.user.email),
        is_first=link.user.password_changed_at is None,
        needs_factor=second_factor.is_on(link.user_id),
        min_length=settings.password_min_length,
        open_in_app=reset_links.open_in_app(session["reset_token"]),
    )


def link_refused(error: AuthError) -> Response:
    """Return the page for a reset link that cannot be used."""
    new_link = Action(_("Send me a new link"), "auth.web.new_link", is_post=True)
    words = {
        TokenExpired: Words(
            "clock",
            _("This link for a new password has expired"),
            _("Links work for a short time only, to keep your account safe. Your password has not changed."),
            (new_link,),
            back_to_sign_in=True,
        ),
        LinkReplaced: Words(
            "clock",
            _("There is a newer link for a new password"),
            gettext(
                "Only the newest link works. Look for the latest mail from %(app)s, also in your spam folder.",
                app=settings.app_name,
            ),
            (new_link,),
            (_("A link also ends when something about the account changes, such as its password."),),
            back_to_sign_in=True,
        ),
        TokenAlreadyUsed: Words(
            "key",
            _("This link for a new password has already been used"),
            _(
                "Each link works once, and this one has done its work. "
                "If it was you, you can sign in with your new password."
            ),
            (SIGN_IN, ASK_AGAIN),
            (_("If it was not you, ask for a new link now, and write to us."),),
        ),
        InvalidToken: Words(
            "link",
            _("We do not recognise this link for a new password"),
            _("Perhaps your mail program cut it in two, or added a character at its end."),
            (ASK_AGAIN,),
            steps=(*COPY_IT_AGAIN, _("Still nothing? Ask for a new link.")),
            back_to_sign_in=True,
        ),
    }
    return broken_link(error, words)
