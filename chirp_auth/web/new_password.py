"""A form for a new password: everything that is wrong with it, said at once."""

from chirp_auth.errors import AuthError, PasswordMismatch, PasswordReused, PasswordTooWeak
from chirp_auth.models import User
from chirp_auth.security import limits, passwords
from chirp_auth.web.forms import Form
from chirp_auth.web.pages import sentence_of, show_error


def show_refusal(form: Form, error: AuthError, user: User) -> None:
    """Show the rule's refusal, and what else is wrong. A typing mistake with a genuine link costs no limit."""
    show_error(form, error, PASSWORD_TOO_WEAK="password", PASSWORD_MISMATCH="confirm_password")
    if isinstance(error, PasswordMismatch | PasswordTooWeak) and not isinstance(error, PasswordReused):
        limits.forgive()
    show_every_fault(form, user)


def show_every_fault(form: Form, user: User) -> None:
    """Say too what is wrong with the password itself, where so far only something else was said."""
    if not form.errors or form["password"].errors:
        return
    try:
        passwords.check(form.text("password"), (user.email, user.first_name, user.last_name))
    except PasswordTooWeak as error:
        form.add_error("password", sentence_of(error))
