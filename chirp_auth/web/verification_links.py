"""The link that confirms an address: what is said of one that is refused, and how another one is asked for."""

from flask import Response, redirect, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import email_verification
from chirp_auth.errors import AuthError, InvalidToken, TokenAlreadyUsed, TokenExpired
from chirp_auth.http.request_context import client
from chirp_auth.languages import lazy_gettext as _
from chirp_auth.security import limits
from chirp_auth.web import check_mail
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.broken_links import COPY_IT_AGAIN, SIGN_IN, Action, Words, broken_link


@web.post("/verify-email/new-link")
def new_verification_link() -> Redirect:
    email = current_user.email if current_user.is_authenticated else session.get("asked_for")
    if email is None:
        return redirect(url_for("auth.web.sign_in"), SEE_OTHER)
    limits.resend_verification()
    email_verification.request_link(email, client(FACE))
    return check_mail.sent("confirmation", email)


def resend_url() -> str | None:
    """Return where a button can ask for a new link, if we know for which address."""
    has_address = current_user.is_authenticated or "asked_for" in session
    return url_for("auth.web.new_verification_link") if has_address else None


def refused(error: AuthError) -> Response | Redirect:
    """Return what a refused link is answered with."""
    if isinstance(error, TokenAlreadyUsed):  # A second click: the page says that it is confirmed.
        return redirect(url_for("auth.web.verify_email"), SEE_OTHER)
    if resend_url():
        action = Action(_("Send me a new link"), "auth.web.new_verification_link", is_post=True)
        lead = _("Your address is not confirmed yet. We can send you a new link.")
    else:
        action = SIGN_IN
        lead = _("Your address is not confirmed yet. Sign in, and we can send you a new link.")
    words = {
        TokenExpired: Words("clock", _("This confirmation link has expired"), lead, (action,)),
        InvalidToken: Words(
            "link",
            _("We do not recognise this confirmation link"),
            _("Perhaps your mail program cut it in two, or the address of your account has changed since."),
            (action,),
            steps=COPY_IT_AGAIN,
        ),
    }
    return broken_link(error, words)
