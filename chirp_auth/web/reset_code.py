"""The code beside the link, typed where it was asked for: it opens the same page as the link."""

from flask import Response, redirect, session, url_for
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import password_reset, reset_links
from chirp_auth.errors import InvalidToken, TokenExpired
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext as _
from chirp_auth.security import limits
from chirp_auth.web import check_mail, code_verifier, new_password
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.forms import ResetCodeForm


@web.post("/check-email/code")
def use_code() -> Response | Redirect:
    """Go on to the new password with the right code; every wrong one, with an account or without, looks alike."""
    email = check_mail.asked_for("reset") or check_mail.asked_for("renewed")
    if email is None:
        return redirect(url_for("auth.web.forgot_password"), SEE_OTHER)
    form = ResetCodeForm()
    if not form.validate():
        new_password.note_incomplete(form, "password_reset.refused")
        return check_mail.page_with(form)
    limits.reset_password()
    try:
        link = password_reset.check_code(email, form.text("code"), code_verifier.kept(), client(FACE))
    except TokenExpired:
        form.add_error(
            "code", _("This code has expired. The link in the same mail still works, or ask for another mail.")
        )
        return check_mail.page_with(form)
    except InvalidToken:
        form.add_error("code", _("This is not the code of the newest mail, or it was mistyped five times."))
        return check_mail.page_with(form)
    session["reset_token"] = reset_links.mint(link)
    session.pop("reset_done", None)
    return redirect(url_for("auth.web.reset_password"), SEE_OTHER)
