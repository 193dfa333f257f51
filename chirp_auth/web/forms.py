"""Forms: their fields and the shape of what they hold. Which values are allowed is up to the rules."""

from typing import Any, Self

from flask import current_app, request
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, Field, HiddenField, PasswordField, StringField, TelField, ValidationError
from wtforms.validators import InputRequired

from chirp_auth.accounts import addresses
from chirp_auth.errors import InvalidEmail
from chirp_auth.languages import gettext
from chirp_auth.languages import lazy_gettext as _
from chirp_auth.models import User

AGAIN = "again"  # The field by which an error page asks for its form, filled in as it was.


def _without_nul(_form: FlaskForm, field: Field) -> None:
    if "\0" in (field.data or ""):
        raise ValidationError(_("Please remove the invisible character (NUL)."))


def _an_address(_form: FlaskForm, field: Field) -> None:
    try:
        addresses.parse(field.data)
    except InvalidEmail:
        raise ValidationError(_("Enter an email address like name@example.com.")) from None


def _strip(text: str | None) -> str:
    return (text or "").strip()


def _email() -> EmailField:
    return EmailField(
        _("Email address"), [InputRequired(_("Enter your email address.")), _an_address], filters=[_strip]
    )


def _password(label: str, missing: str) -> PasswordField:
    return PasswordField(label, [InputRequired(missing), _without_nul])


class Form(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """What all forms can do."""

    form_errors: list[str]

    def validate_on_submit(self, extra_validators: Any = None) -> bool:
        """Say whether the form was sent and is complete; one that an error page sent is only shown again."""
        return AGAIN not in request.form and super().validate_on_submit(extra_validators)

    def validate(self, extra_validators: Any = None) -> bool:
        is_valid: bool = super().validate(extra_validators)
        if self.csrf_token.errors:
            self.csrf_token.errors = [stale_form()]
        return is_valid

    def text(self, name: str) -> str:
        """Return what was typed into a field, nothing being the empty text, as for one that the form does without."""
        return str(self[name].data or "") if name in self else ""

    def asking(self, user: User) -> Self:
        """Return the form without the field for the password where the user has none: a fresh proof stands for it."""
        for name in ("password", "current_password"):
            if user.password_hash is None and name in self:
                del self[name]
        return self

    def add_error(self, name: str | None, sentence: str) -> None:
        """Say what is wrong beside the field of this name, or without a name on top of the form."""
        if name and name in self:
            self[name].errors = [*self[name].errors, sentence]
        else:
            self.form_errors = [*self.form_errors, sentence]


def stale_form() -> str:
    """Return why a form without a valid CSRF token was refused, and what to do."""
    if current_app.config["SESSION_COOKIE_NAME"] not in request.cookies:
        return gettext(
            "Your browser did not keep our cookie, and this form needs it. Nothing was saved. "
            "Let your browser keep cookies of this site, then send the form again."
        )
    return gettext("This page was open for too long, or in two windows. Nothing was saved: please send it again.")


class RegisterForm(Form):
    first_name = StringField(_("First name"), [_without_nul])
    last_name = StringField(_("Last name"), [_without_nul])
    email = _email()
    phone_number = TelField(_("Phone number"), [_without_nul])
    password = _password(_("Password"), _("Choose a password."))


class SignInForm(Form):
    email = _email()
    password = _password(_("Password"), _("Enter your password."))
    keep = BooleanField(_("Keep me signed in"))


class SecondStepForm(Form):
    code = StringField(_("Code"), [InputRequired(_("Enter a code.")), _without_nul])
    trust = BooleanField(_("Trust this browser for 30 days"))


class SetUpForm(Form):
    code = StringField(_("Code from the app"), [InputRequired(_("Enter the code that the app shows.")), _without_nul])


class FreshProofForm(Form):
    password = _password(_("Password"), _("Enter your password."))
    code = StringField(_("Code"), [InputRequired(_("Enter a code.")), _without_nul])


class ConfirmEmailForm(Form):
    password = _password(_("Password"), _("Enter the password of this account."))


class ForgotPasswordForm(Form):
    email = _email()


class ResetPasswordForm(Form):
    password = _password(_("New password"), _("Choose a new password."))
    confirm_password = _password(_("Type it again"), _("Type the new password again."))


class ResetByLinkForm(ResetPasswordForm):
    """The code is for accounts that ask for a second factor; the page leaves the field out for all others."""

    factor = StringField(_("Code"), [_without_nul], filters=[_strip])


class ResetCodeForm(Form):
    code = StringField(_("Code from the mail"), [InputRequired(_("Enter the code from the mail.")), _without_nul])


class ChangeAddressForm(Form):
    email = _email()
    password = _password(_("Password"), _("Enter your password."))


class ProfileForm(Form):
    first_name = StringField(_("First name"), [_without_nul])
    last_name = StringField(_("Last name"), [_without_nul])
    phone_number = TelField(_("Phone number"), [_without_nul])


class PasswordOnceMoreForm(Form):
    """Before what only the owner may do, and nobody who finds the page open."""

    password = _password(_("Password"), _("Enter your password."))


class ChangePasswordForm(Form):
    current_password = _password(_("Current password"), _("Enter your current password."))
    new_password = _password(_("New password"), _("Choose a new password."))
    confirm_password = _password(_("Type it again"), _("Type the new password again."))


class PasskeyForm(Form):
    """What passkeys.js fills in: the state of a ceremony, and what the browser answered."""

    state = HiddenField()
    credential = HiddenField()


class PasskeySignInForm(PasskeyForm):
    keep = BooleanField(_("Keep me signed in"))


class AddPasskeyForm(PasskeyForm):
    name = StringField(_("Name"), [_without_nul])


class PasskeyNameForm(Form):
    name = StringField(_("Name"), [_without_nul])
