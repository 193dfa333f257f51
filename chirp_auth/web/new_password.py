"""A form for a new password: everything that is wrong with it, said at once."""

from chirp_auth.audit.vocabulary import Kind, outcome_of
from chirp_auth.errors import (
    AuthError,
    PasswordMismatch,
    PasswordReused,
    PasswordTooWeak,
    SecondFactorRequired,
    StaleForm,
    ValidationFailed,
    WrongSecondFactor,
)
from chirp_auth.http import refused_tokens
from chirp_auth.languages import gettext
from chirp_auth.models import User
from chirp_auth.security import limits, passwords
from chirp_auth.web.blueprint import FACE
from chirp_auth.web.forms import Form, ResetByLinkForm
from chirp_auth.web.pages import sentence_of, show_error


def note_incomplete(form: Form, kind: Kind) -> None:
    """Record a form that was sent without what it needs, with the API's code; opening one is no attempt."""
    if form.errors:
        refusal = StaleForm() if set(form.errors) == {"csrf_token"} else ValidationFailed({})
        refused_tokens.note(kind, FACE, outcome_of(refusal))


def show_refusal(form: Form, error: AuthError, user: User) -> None:
    """Show the rule's refusal, and what else is wrong. A typing mistake with a genuine link costs no limit."""
    show_error(form, error, PASSWORD_TOO_WEAK="password", PASSWORD_MISMATCH="confirm_password")
    if isinstance(error, PasswordMismatch | PasswordTooWeak) and not isinstance(error, PasswordReused):
        limits.forgive()
    show_every_fault(form, user)


def show_wrong_factor(form: ResetByLinkForm, error: SecondFactorRequired | WrongSecondFactor) -> None:
    """Show that the second factor is missing, which costs no limit, or wrong: then it is of no use to type it again."""
    if isinstance(error, SecondFactorRequired):
        limits.forgive()
        form.add_error("factor", gettext("Enter a code of your authenticator app, or a recovery code."))
    else:
        form.factor.data = None
        show_error(form, error, WRONG_SECOND_FACTOR="factor")


def show_every_fault(form: Form, user: User, name: str = "password") -> None:
    """Say too what is wrong with the new password, the field `name`, where so far only something else was said.

    Hashes nothing, and tells nothing about the present password.
    """
    if not form.errors:
        return
    password, confirmation = form.text(name), form.text("confirm_password")
    if not form[name].errors:
        try:
            passwords.check(password, (user.email, user.first_name, user.last_name))
        except PasswordTooWeak as error:
            form.add_error(name, sentence_of(error))
    if password and not form["confirm_password"].errors:
        try:
            passwords.confirm(password, confirmation)
        except PasswordMismatch as error:
            form.add_error("confirm_password", sentence_of(error))
