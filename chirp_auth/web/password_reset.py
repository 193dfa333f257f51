"""Resetting a password in a browser: opening the link and choosing a new password.

The token leaves the address bar at once: the link's page moves it into the session cookie. GET and HEAD change
nothing, for mail scanners and previews open links too.
"""

from flask import Response, redirect, request, session, url_for
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import password_reset, reset_links
from chirp_auth.accounts.password_reset import PasswordReset
from chirp_auth.clock import now
from chirp_auth.errors import AuthError, InvalidToken, LinkReplaced, TokenAlreadyUsed, TokenExpired
from chirp_auth.extensions import csrf, settings
from chirp_auth.http.request_context import client
from chirp_auth.security import limits
from chirp_auth.web import known_device_cookie, link_tokens
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.forgot_password import sent_to
from chirp_auth.web.forms import ResetPasswordForm
from chirp_auth.web.pages import page, refusals_into

BROKEN_LINK = (InvalidToken, TokenExpired, TokenAlreadyUsed)
MAX_PLACES_NAMED = 5


@web.route("/reset-password", methods=["GET", "POST"])
@csrf.exempt
def reset_password() -> Response | Redirect:
    if "token" in request.args:
        link_tokens.store_token("reset_token", request.args["token"])
        session.pop("reset_done", None)
        reset_links.note_opening(session["reset_token"], client(FACE))
        return redirect(url_for("auth.web.reset_password"), SEE_OTHER)
    token = session.get("reset_token", "")
    form = ResetPasswordForm()
    try:
        return _reset(form, token) if form.validate_on_submit() else _choose(form, token)
    except BROKEN_LINK as refusal:
        if isinstance(refusal, TokenAlreadyUsed) and request.method == "POST":
            return _already_done()
        return _link_refused(refusal)


@web.post("/reset-password/new-link")
def new_link() -> Response | Redirect:
    try:
        limits.forgot_password()
        return sent_to(password_reset.renew_link(session.get("reset_token", ""), client(FACE)))
    except BROKEN_LINK as refusal:
        return _link_refused(refusal)


@web.get("/reset-password/done")
def reset_done() -> Response | Redirect:
    done = session.get("reset_done")
    if done is None:
        return redirect(url_for("auth.web.sign_in"), SEE_OTHER)
    return page("password_reset/done.html", **done)


def _reset(form: ResetPasswordForm, token: str) -> Response | Redirect:
    limits.reset_password()  # Before the link is looked at: whoever guesses at links spends it too.
    reset_links.check_link(token)
    with refusals_into(form, PASSWORD_TOO_WEAK="password", PASSWORD_MISMATCH="confirm_password"):
        done = password_reset.reset_password(token, form.text("password"), form.text("confirm_password"), client(FACE))
        session["asked_for"] = done.user.email
        session["reset_done"] = _in_words(done)
        return known_device_cookie.remember(redirect(url_for("auth.web.reset_done"), SEE_OTHER), done.user)
    return _choose(form, token)


def _in_words(done: PasswordReset) -> dict[str, object]:
    """Return what the success page tells, small enough for a cookie."""
    named = list(dict.fromkeys(done.devices))[:MAX_PLACES_NAMED]
    return {"email": done.user.email, "changed_at": now(), "ended": done.ended_sessions, "places": named}


def _already_done() -> Redirect:
    """Answer a second click or tab: the first one's page if this browser has seen it, else that it is done."""
    session.setdefault("reset_done", {"already": True})
    return redirect(url_for("auth.web.reset_done"), SEE_OTHER)


def _choose(form: ResetPasswordForm, token: str) -> Response:
    link = reset_links.check_link(token)
    return page(
        "password_reset/reset.html",
        form=form,
        email=link.user.email,
        min_length=settings.password_min_length,
        open_in_app=reset_links.open_in_app(token),
    )


def _link_refused(refusal: AuthError) -> Response:
    reasons = {TokenExpired: "expired", TokenAlreadyUsed: "used", LinkReplaced: "replaced"}
    reason = reasons.get(type(refusal), "unknown")
    response = page("password_reset/link_refused.html", reason=reason, can_renew=reason in ("expired", "replaced"))
    response.status_code = 404 if reason == "unknown" else 410
    return response
