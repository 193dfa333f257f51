"""A likely slip in a mail domain: asked about before anything is sent, never mended unasked. Knows no account."""

from flask import request

from chirp_auth.accounts import email_suggestions
from chirp_auth.web.forms import Form

CONFIRMED = "confirmed_email"  # The button that was pressed: its value is the address to take.


def question(form: Form) -> str | None:
    """Return the address to ask about, or None where the form's address stands: as typed, or as it was confirmed.

    An answer counts for the address that it was given about; one that was typed since is asked about anew.
    """
    typed = form.text("email")
    suggestion, answer = email_suggestions.suggest(typed), request.form.get(CONFIRMED)
    if suggestion is None or answer == typed:
        return None
    if answer == suggestion:
        form["email"].data = suggestion
        return None
    return suggestion
