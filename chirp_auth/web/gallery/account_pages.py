"""The pages of somebody who is signed in, in their states; and those after an account was closed."""

from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

from chirp_auth import errors
from chirp_auth.accounts.factors.recovery_codes import FEW
from chirp_auth.accounts.former_passwords import PRESENT
from chirp_auth.errors import InvalidEmail
from chirp_auth.languages import lazy_gettext as _
from chirp_auth.models import AuthenticatorApp, FactorRecovery, SecurityEvent, User
from chirp_auth.security.devices import translated_device
from chirp_auth.web import activity_words, forms
from chirp_auth.web.factors.signing_in import qr_code
from chirp_auth.web.gallery.passkey_pages import section
from chirp_auth.web.gallery.samples import (
    ADA,
    AT,
    CHROME,
    EMAIL,
    FIREFOX,
    LONG_AGO,
    NEWCOMER,
    SLIP,
    SOON,
    State,
    Words,
    filled,
    shows,
)
from chirp_auth.web.gallery.visitor_pages import SPENT, check_mail

SESSIONS = ((FIREFOX, "browser", True), (CHROME, "browser", False), ("okhttp/4.12", "api", False))
NOT_YOURS = {"password": _("That is not your password.")}


def _home(user: User, sessions: int, recovery: FactorRecovery | None = None) -> State:
    rows = SESSIONS[:sessions]
    has_second_step = user is ADA
    return shows(
        "home.html",
        user,
        user=user,
        sessions=lambda: [_session(*each) for each in rows],
        has_second_step=has_second_step,
        open_recovery=lambda: lambda: recovery,
    )


def _session(user_agent: str, face: str, current: bool) -> dict[str, Any]:  # a row of the table above
    return {
        "id": ADA.id,
        "device": translated_device(user_agent),
        "ip": "203.0.113.x",
        "face": face,
        "created_at": LONG_AGO,
        "last_seen_at": AT,
        "current": current,
    }


def _activity(events: Callable[[], list[dict[str, Any]]], **values: Any) -> State:
    usual = {"older": None, "before": None, "may_secure": True}
    return shows("activity/activity.html", ADA, events=events, **usual | values)


def _all_kinds() -> list[dict[str, Any]]:
    """Return an event for each sentence that the page knows: what was done, what was refused, and each reason why."""
    done = [SecurityEvent(kind=kind, outcome="ok") for kind in activity_words.DONE]
    refused = [SecurityEvent(kind=kind, outcome="refused") for kind in activity_words.REFUSED]
    reasons = [SecurityEvent(kind="session.signed_in", outcome=reason) for reason in activity_words.WHY]
    return [_event(event) for event in (*done, *refused, *reasons)]


def _event(event: SecurityEvent) -> dict[str, Any]:
    words = activity_words.sentences(event)
    return {"sentences": words, "at": AT, "device": translated_device(FIREFOX), "ip": "203.0.113.x"}


def _nothing() -> list[dict[str, Any]]:
    return []


def _form(template: str, form: type[forms.Form], refusals: Words | None = None, /, **values: Any) -> State:
    return shows(template, ADA, form=filled(form, refusals), email=EMAIL, **values)


def _password(refusals: Words | None = None) -> State:
    return _form("password_change/change.html", forms.ChangePasswordForm, refusals, min_length=8)


def _address(refusals: Words | None = None, typed: str = "", suggestion: str | None = None) -> State:
    form = filled(forms.ChangeAddressForm, refusals, email=typed)
    return shows("address_change/change.html", ADA, form=form, email=EMAIL, suggestion=suggestion)


def _profile(refusals: Words | None = None) -> State:
    typed = {"first_name": "Ada", "last_name": "Lovelace", "phone_number": "+919876543210"}
    return shows("profile/edit.html", ADA, form=filled(forms.ProfileForm, refusals, **typed))


def _download(refusals: Words | None = None) -> State:
    return _form("personal_data/download.html", forms.PasswordOnceMoreForm, refusals)


def _delete(refusals: Words | None = None, *, has_link: bool = True) -> State:
    return _form("deletion/ask.html", forms.PasswordOnceMoreForm, refusals, has_link=has_link)


def _deleted(*, has_link: bool) -> State:
    return shows("deletion/requested.html", email=EMAIL, deleted_at=SOON, has_link=has_link)


def _security(app: AuthenticatorApp | None, left: int = 10, *, is_confirmed: bool = True) -> State:
    return shows(
        "factors/factors.html", ADA, app=app, left=left, few=FEW, **section(1) | {"is_confirmed": is_confirmed}
    )


def _set_up(refusals: Words | None = None) -> State:
    form = filled(forms.SetUpForm, refusals)
    return shows("factors/set_up.html", ADA, form=form, uri=URI, secret="JBSW Y3DP EHPK 3PXP", qr_code=_qr_code)


def _qr_code() -> Markup:
    return qr_code(URI)


def _confirm(refusals: Words | None = None, *, has_passkey: bool = False) -> State:
    return _form("sign_in/confirm.html", forms.FreshProofForm, refusals, has_passkey=has_passkey)


URI = "otpauth://totp/Chirpworks:ada%40example.com?secret=JBSWY3DPEHPK3PXP&issuer=Chirpworks"
APP = AuthenticatorApp(user_id=ADA.id, confirmed_at=LONG_AGO, last_used_at=AT)
CODES = [f"K7QP4-M2X{letters}" for letters in ("AC", "DE", "FH", "JK", "MN", "PQ", "RT", "VW", "XY", "AD")]

ACCOUNT_PAGES: Mapping[str, State] = {
    "account": _home(ADA, 3),
    "account-new": _home(NEWCOMER, 1),
    "account-recovery": _home(ADA, 3, FactorRecovery(due_at=SOON)),
    "activity": _activity(_all_kinds, older=1, before=2),
    "activity-unconfirmed": _activity(_nothing, may_secure=False),
    "not-me-signed-in": shows("not_me/ask.html", ADA, email=EMAIL, action="/activity/not-me"),
    "security": _security(None),
    "security-unconfirmed": _security(None, is_confirmed=False),
    "security-app": _security(APP),
    "security-few-codes": _security(APP, 1),
    "security-no-codes": _security(APP, 0),
    "set-up-app": _set_up(),
    "set-up-app-refused": _set_up({"code": errors.WrongSecondFactor.sentence}),
    "recovery-codes": shows("factors/codes.html", ADA, codes=CODES, is_first=False),
    "recovery-codes-first": shows("factors/codes.html", ADA, codes=CODES, is_first=True),
    "make-recovery-codes": shows("factors/make_codes.html", ADA, left=3),
    "remove-app": shows("factors/remove_app.html", ADA),
    "confirm": _confirm(),
    "confirm-passkey": _confirm(has_passkey=True),
    "confirm-refused": _confirm(NOT_YOURS),
    "profile": _profile(),
    "profile-refused": _profile({"phone_number": _("Please remove the invisible character (NUL).")}),
    "change-password": _password(),
    "change-password-refused": _password({"new_password": PRESENT}),
    "change-address": _address(),
    "change-address-refused": _address({**NOT_YOURS, "email": InvalidEmail.sentence}, typed="ada"),
    "change-address-slip": _address(typed=SLIP, suggestion=EMAIL),
    "change-address-sent": check_mail("address_change", ADA),
    "change-address-sent-spent": check_mail("address_change", ADA, **SPENT),
    "download-data": _download(),
    "download-data-refused": _download(NOT_YOURS),
    "delete-account": _delete(),
    "delete-account-refused": _delete(NOT_YOURS),
    "delete-account-unconfirmed": _delete(has_link=False),
    "delete-account-done": _deleted(has_link=True),
    "delete-account-done-unconfirmed": _deleted(has_link=False),
}
