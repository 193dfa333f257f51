"""The states of the pages, a line each; they are made by the templates and functions of the real ones.

A new page or state gets its line here: the tests find a template that no line shows.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial

from werkzeug.wrappers import Response as Redirect

from chirp_auth import errors
from chirp_auth.accounts.former_passwords import PRESENT
from chirp_auth.errors import AuthError, InvalidCredentials, PasswordMismatch, PasswordTooWeak
from chirp_auth.formatting import in_words
from chirp_auth.mail.mailbox import Heading, Mail
from chirp_auth.web import address_change, email_verification, forms, not_me, password_reset, unwanted_registration
from chirp_auth.web.broken_links import BROKEN_LINK, Words, broken_link
from chirp_auth.web.error_pages import error_page
from chirp_auth.web.gallery.samples import ADA, AT, EMAIL, LONG_AGO, NEWCOMER, State, filled, shows
from chirp_auth.web.pages import status_of

SESSIONS = [
    {
        "id": ADA.id,
        "device": device,
        "ip": "203.0.113.x",
        "face": face,
        "created_at": LONG_AGO,
        "last_seen_at": AT,
        "current": current,
    }
    for device, face, current in (("Firefox on Linux", "browser", True), ("Chrome on Android", "api", False))
]
HEADING = Heading("20261120T204700000000-0123abcd", EMAIL, "Password reset for Chirpworks", AT)
MAIL = Mail(HEADING.id, EMAIL, HEADING.subject, "Hello Ada", "<p>Hello Ada</p>", [], {"To": EMAIL}, AT)
NEW = {"min_length": 8, "email": EMAIL}
RESET = {**NEW, "open_in_app": None}
SENT = {"email": EMAIL, "life": lambda: in_words(3600), "resend_seconds": 0, "suggestion": None}
DONE = {"already": False, "email": EMAIL, "changed_at": AT, "ended": 0, "devices": []}
NO_RESEND, RESEND = {"resend_verification_url": None}, {"resend_verification_url": "/"}
TAKEN = {"email": errors.EmailTaken.sentence, "password": PasswordTooWeak.sentence}
WRONG = {"": InvalidCredentials.sentence}
NO_ADDRESS = {"email": errors.InvalidEmail.sentence}
WEAK, MISMATCH = {"password": PasswordTooWeak.sentence}, {"confirm_password": PasswordMismatch.sentence}
SAME = {"new_password": PRESENT}
VERIFY = {"email": EMAIL, "confirmed": False, "here": False, "form": filled(forms.ConfirmEmailForm)}


def _links(
    kind: str, refuse: Callable[[AuthError], Redirect], *refusals: type[AuthError]
) -> Iterator[tuple[str, State]]:
    """Yield the page of a kind of mailed link for each reason why one cannot be used."""
    for refusal in refusals:
        reason = re.sub(r"(?<!^)(?=[A-Z])", "-", refusal.__name__).lower()
        yield f"{kind}-{reason}", State(partial(refuse, refusal()))


def _worded(kind: str, words: Mapping[type[AuthError], Words]) -> Iterator[tuple[str, State]]:
    return _links(kind, partial(broken_link, words=words), *words)


def _errors(*refusals: AuthError) -> Iterator[tuple[str, State]]:
    for refusal in refusals:
        yield f"error-{status_of(refusal)}", State(partial(error_page, refusal))


PAGES: Mapping[str, State] = {
    "start": shows("home.html"),
    "account": shows("home.html", ADA, user=ADA, sessions=SESSIONS),
    "account-new": shows("home.html", NEWCOMER, user=NEWCOMER, sessions=SESSIONS[:1]),
    "register": shows("registration/register.html", form=filled(forms.RegisterForm), **NEW),
    "register-refused": shows("registration/register.html", form=filled(forms.RegisterForm, TAKEN, email=EMAIL), **NEW),
    "sign-in": shows("sign_in/sign_in.html", form=filled(forms.SignInForm), resend_verification_url=None),
    "sign-in-refused": shows("sign_in/sign_in.html", form=filled(forms.SignInForm, WRONG, email=EMAIL), **NO_RESEND),
    "sign-in-unconfirmed": shows("sign_in/sign_in.html", form=filled(forms.SignInForm, WRONG, email=EMAIL), **RESEND),
    "signed-out": shows("sign_in/signed_out.html"),
    "forgot-password": shows("password_reset/forgot.html", form=filled(forms.ForgotPasswordForm, email=EMAIL)),
    "forgot-password-refused": shows("password_reset/forgot.html", form=filled(forms.ForgotPasswordForm, NO_ADDRESS)),
    "check-mail": shows("password_reset/check_mail.html", **SENT),
    "check-mail-wait": shows("password_reset/check_mail.html", **{**SENT, "resend_seconds": 42}),
    "check-mail-slip": shows("password_reset/check_mail.html", **{**SENT, "suggestion": EMAIL}),
    "check-mail-unknown": shows("password_reset/check_mail.html", **{**SENT, "email": None}),
    "reset": shows("password_reset/reset.html", form=filled(forms.ResetPasswordForm), **RESET),
    "reset-app": shows(
        "password_reset/reset.html", form=filled(forms.ResetPasswordForm), **{**RESET, "open_in_app": "/"}
    ),
    "reset-weak": shows("password_reset/reset.html", form=filled(forms.ResetPasswordForm, WEAK), **RESET),
    "reset-mismatch": shows("password_reset/reset.html", form=filled(forms.ResetPasswordForm, MISMATCH), **RESET),
    "reset-done": shows("password_reset/done.html", **DONE),
    "reset-done-elsewhere": shows("password_reset/done.html", **{**DONE, "ended": 2, "devices": ["Chrome on Android"]}),
    "reset-done-twice": shows("password_reset/done.html", **{**DONE, "already": True}),
    **dict(_links("reset", password_reset._link_refused, *BROKEN_LINK, errors.LinkReplaced)),
    "change-password": shows("password_change/change.html", ADA, form=filled(forms.ChangePasswordForm), **NEW),
    "change-password-refused": shows(
        "password_change/change.html", ADA, form=filled(forms.ChangePasswordForm, SAME), **NEW
    ),
    "change-address": shows("address_change/change.html", ADA, form=filled(forms.ChangeAddressForm), email=EMAIL),
    "change-address-sent": shows("address_change/sent.html", ADA, email=EMAIL, life=SENT["life"]),
    "confirm-address": shows("address_change/confirm.html", email=EMAIL),
    **dict(_worded("confirm-address", address_change.WORDS)),
    "verify-email": shows("email_verification/verify.html", **{**VERIFY, "here": True}),
    "verify-email-elsewhere": shows("email_verification/verify.html", **VERIFY),
    "verify-email-done": shows("email_verification/verify.html", **{**VERIFY, "confirmed": True}),
    "verify-email-new-password": shows(
        "email_verification/new_password.html", form=filled(forms.ResetPasswordForm), **RESET
    ),
    **dict(_links("verify-email", email_verification._refused, errors.TokenExpired, errors.InvalidToken)),
    "not-me": shows("not_me/ask.html", email=EMAIL),
    "not-me-done": shows("not_me/done.html", email=EMAIL),
    **dict(_worded("not-me", not_me.WORDS)),
    "not-registered": shows("unwanted_registration/ask.html", email=EMAIL, registered_at=AT),
    "not-registered-done": shows("unwanted_registration/done.html"),
    **dict(_worded("not-registered", unwanted_registration.WORDS)),
    **dict(_errors(errors.StaleForm(), errors.NotFound(), errors.MethodNotAllowed())),
    **dict(_errors(errors.RequestTimeout(), errors.PayloadTooLarge(), errors.UnsupportedMediaType())),
    **dict(_errors(errors.RateLimitExceeded(timedelta(minutes=42)), errors.InternalError(), errors.ServiceBusy())),
    "mailbox": shows("dev_mailbox/messages.html", messages=[HEADING]),
    "mailbox-empty": shows("dev_mailbox/messages.html", messages=[]),
    "mailbox-mail": shows("dev_mailbox/message.html", message=MAIL, raw="To: ada@example.com"),
}
