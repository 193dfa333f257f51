"""The pages of somebody who is not signed in, in their states: registering, signing in, asking for a link."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from chirp_auth import errors
from chirp_auth.formatting import in_words
from chirp_auth.languages import lazy_gettext as _
from chirp_auth.mail.mailbox import Heading, Mail
from chirp_auth.models import User
from chirp_auth.web import forms
from chirp_auth.web.gallery.samples import AT, EMAIL, NEWCOMER, SLIP, State, Words, filled, shows

HEADING = Heading("20261120T204700000000-0123abcd", EMAIL, "Password reset for Chirpworks", AT)
MAIL = Mail(HEADING.id, EMAIL, HEADING.subject, "Hello Ada", "<p>Hello Ada</p>", [], {"To": EMAIL}, AT)
STALE = {"csrf_token": forms.stale_form}
NO_ADDRESS = {"email": errors.InvalidEmail.sentence}
TAKEN = {"email": errors.EmailTaken.sentence}
WEAK = {"password": errors.PasswordTooWeak.sentence}
WRONG_CODE = {"code": _("This is not the code of the newest mail, or it was mistyped five times.")}
DIFFERS = {"": _("That email address and password do not match.")}


def _register(refusals: Words | None = None, /, email: str = "", **values: Any) -> State:
    usual = {"min_length": 8, "suggestion": None, "is_taken": False, "password_is_held": False}
    form = filled(forms.RegisterForm, refusals, email=email)
    return shows("registration/register.html", form=form, **usual | values)


def _sign_in(refusals: Words | None = None, /, **values: Any) -> State:
    usual = {"has_failed": bool(refusals), "may_be_paused": False, "resend_verification_url": None}
    usual |= {"passkeys": True, "fills_in": True}
    form = filled(forms.SignInForm, refusals, email=EMAIL if refusals else "")
    return shows("sign_in/sign_in.html", form=form, **usual | values)


def _second_step(refusals: Words | None = None, *, is_wrong: bool = False, has_passkey: bool = False) -> State:
    form = filled(forms.SecondStepForm, refusals)
    return shows("sign_in/second_step.html", form=form, is_wrong=is_wrong, has_passkey=has_passkey)


def _forgot(refusals: Words | None = None, /, email: str = EMAIL, suggestion: str | None = None) -> State:
    form = filled(forms.ForgotPasswordForm, refusals, email=email)
    return shows("password_reset/forgot.html", form=form, suggestion=suggestion)


def check_mail(journey: str, signed_in: User | None = None, /, **values: Any) -> State:
    """Return the page "Check your email" of a journey; a mail may be asked for again, unless the values say no."""
    usual = {"wait_seconds": 0, "is_spent": False, "asked_times": 1, "next_at": AT, "go_on": None}
    usual |= {"life": _an_hour, "form": filled(forms.ResetCodeForm)}
    return shows("check_mail.html", signed_in, journey=journey, email=EMAIL, **usual | values)


def _an_hour() -> str:
    return in_words(timedelta(hours=1))


WAIT = {"wait_seconds": 42}
SPENT = {"is_spent": True, "asked_times": 5, "wait_seconds": 2400}

VISITOR_PAGES: Mapping[str, State] = {
    "start": shows("home.html"),
    "register": _register(),
    "register-refused": _register(NO_ADDRESS | WEAK, email="ada"),
    "register-stale": _register(STALE, email=EMAIL),
    "register-slip": _register(email=SLIP, suggestion=EMAIL),
    "register-taken": _register(TAKEN, email=EMAIL, is_taken=True),
    "register-password-held": _register(TAKEN, email=EMAIL, is_taken=True, password_is_held=True),
    "sign-in": _sign_in(),
    "sign-in-refused": _sign_in(DIFFERS),
    "sign-in-paused": _sign_in(DIFFERS, may_be_paused=True),
    "sign-in-passkey-refused": _sign_in({"": errors.WrongPasskey.sentence}, has_failed=False),
    "sign-in-unconfirmed": _sign_in(DIFFERS, resend_verification_url="/"),
    "second-step": _second_step(),
    "second-step-passkey": _second_step({"": errors.WrongPasskey.sentence}, has_passkey=True),
    "second-step-refused": _second_step({"code": errors.WrongSecondFactor.sentence}, is_wrong=True),
    "signed-out": shows("sign_in/signed_out.html"),
    "forgot-password": _forgot(),
    "forgot-password-refused": _forgot(NO_ADDRESS, email="ada"),
    "forgot-password-slip": _forgot(email=SLIP, suggestion=EMAIL),
    "check-mail": check_mail("reset"),
    "check-mail-wait": check_mail("reset", **WAIT),
    "check-mail-spent": check_mail("reset", **SPENT),
    "check-mail-wrong-code": check_mail("reset", form=filled(forms.ResetCodeForm, WRONG_CODE, code="K7QP-4M2X")),
    "check-mail-renewed": check_mail("renewed"),
    "check-mail-registered": check_mail("confirmation"),
    "check-mail-registered-signed-in": check_mail("confirmation", NEWCOMER),
    "check-mail-registered-spent": check_mail("confirmation", **SPENT),
    "mailbox": shows("dev_mailbox/messages.html", messages=[HEADING]),
    "mailbox-empty": shows("dev_mailbox/messages.html", messages=[]),
    "mailbox-mail": shows("dev_mailbox/message.html", message=MAIL, raw="To: ada@example.com"),
}
