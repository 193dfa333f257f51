"""The kinds of mail with sample values, a line each: those that the kind's composer gives to its templates.

A new kind, or a variant of one, gets its line here: the tests find a kind that no line shows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chirp_auth import languages
from chirp_auth.mail import rendering
from chirp_auth.mail.message import Message
from chirp_auth.mail.rendering import Email
from chirp_auth.models import OutboxEntry
from chirp_auth.web.gallery.samples import AT, EMAIL, FIREFOX, SOON, made

ORIGIN = "https://auth.example.com"
NOT_ME = {"not_me_link": f"{ORIGIN}/not-me?token=sample", "life": timedelta(days=7)}
FORGOT = {"forgot_link": f"{ORIGIN}/forgot-password"}
SIGN_IN = {"sign_in_link": f"{ORIGIN}/login"}
HOUR = timedelta(hours=1)
LINK = {"link": f"{ORIGIN}/reset-password?token=sample", "expires_at": AT + HOUR, "life": HOUR}
NOBODY = {"name": None}  # To an address that is not the account's confirmed one.
FROM = {"ip": "203.0.113.x"}


@dataclass(frozen=True, slots=True)
class Sample:
    """A mail of this kind; values that are functions are called, in the mail's language."""

    kind: str
    values: Mapping[str, Any]

    def message(self) -> Message:
        """Return the mail as it would be sent, in the current language."""
        entry = OutboxEntry(kind=self.kind, message_id="<sample@auth.example.com>", created_at=AT)
        return rendering.message_for(entry, Email(EMAIL, made(self.values), languages.current()))


def _mail(kind: str, *groups: Mapping[str, Any], **values: Any) -> Sample:
    common: dict[str, Any] = {
        "name": "Ada Lovelace",
        "changed_at": AT,
        "user_agent": FIREFOX,
    }
    for group in groups:
        common |= group
    return Sample(kind, common | values)


NO_CODE = {"code": None, "code_life": timedelta(minutes=10), "app_link": None}
CODE = {**NO_CODE, "code": "K7QP-4M2X", "app_link": "movr://reset-password?token=sample"}
LOCKED = {
    "failed_at": AT,
    "failures": 5,
    "many": False,
    "on_known_device": False,
    "longest": timedelta(minutes=15),
}
MANY = {"failures": 100, "many": True, "on_known_device": True, "longest": timedelta(days=1)}
FACTOR = {"what": "authenticator_app_added", "passkey": None, "left": None}
MOVED = {"by_support": False, "to_old": False}
REGISTERED = {"registered_at": AT, "confirm_before": SOON}

MAILS: Mapping[str, Sample] = {
    "mail-reset-link": _mail("reset_link", LINK, FROM, NO_CODE, requested_at=AT, address=EMAIL),
    "mail-reset-link-code": _mail("reset_link", LINK, FROM, CODE, requested_at=AT, address=EMAIL),
    "mail-password-chosen": _mail("password_chosen", FROM, NOT_ME),
    "mail-password-changed": _mail("password_changed", FROM, NOT_ME, ended=2),
    "mail-invitation": _mail("invitation", NOBODY, LINK, FORGOT),
    "mail-support-link": _mail("support_link", NOT_ME, LINK, made_at=AT),
    "mail-email-verification": _mail("email_verification", NOBODY, FROM, NOT_ME, LINK, REGISTERED),
    "mail-email-verification-again": _mail("email_verification", NOBODY, LINK, registered_at=None),
    "mail-existing-account": _mail("existing_account", SIGN_IN, FORGOT),
    "mail-account-locked": _mail("account_locked", LOCKED, FROM, NOT_ME, reset_link=FORGOT["forgot_link"]),
    "mail-account-locked-day": _mail("account_locked", LOCKED, MANY, FROM, NOT_ME, reset_link=FORGOT["forgot_link"]),
    "mail-account-state": _mail("account_state", SIGN_IN, locked=True),
    "mail-account-state-open": _mail("account_state", SIGN_IN, locked=False),
    "mail-account-deleted": _mail("account_deleted", deleted_at=AT, by_owner=False),
    "mail-account-deleted-by-owner": _mail("account_deleted", deleted_at=AT, by_owner=True),
    "mail-deletion-requested": _mail("deletion_requested", FROM, NOT_ME, LINK, deleted_at=SOON),
    "mail-deletion-requested-unconfirmed": _mail(
        "deletion_requested", NOBODY, FROM, NOT_ME, deleted_at=SOON, link=None
    ),
    "mail-data-downloaded": _mail("data_downloaded", FROM, NOT_ME),
    "mail-authenticator-app-added": _mail("factor_notice", FACTOR, FROM, NOT_ME),
    "mail-authenticator-app-removed": _mail("factor_notice", FACTOR, FROM, NOT_ME, what="authenticator_app_removed"),
    "mail-codes-guessed": _mail("factor_notice", FACTOR, FROM, NOT_ME, what="codes_guessed"),
    "mail-passkey-added": _mail("factor_notice", FACTOR, FROM, NOT_ME, what="passkey_added", passkey="Ada's phone"),
    "mail-passkey-removed": _mail("factor_notice", FACTOR, FROM, NOT_ME, what="passkey_removed", passkey="Ada's phone"),
    "mail-passkey-suspected": _mail(
        "factor_notice", FACTOR, FROM, NOT_ME, what="passkey_suspected", passkey="Ada's phone"
    ),
    "mail-recovery-code-used": _mail("factor_notice", FACTOR, FROM, NOT_ME, what="recovery_code_used", left=9),
    "mail-recovery-codes-made": _mail("factor_notice", FACTOR, FROM, NOT_ME, what="recovery_codes_made"),
    "mail-factors-removed": _mail("factor_notice", FACTOR, FROM, NOT_ME, what="removed_by_support"),
    "mail-factor-recovery": _mail("factor_recovery", LINK, FROM, started_at=AT, due_at=SOON),
    "mail-factor-recovery-done": _mail("factor_recovery_done", SIGN_IN, NOT_ME, approved=False),
    "mail-factor-recovery-approved": _mail("factor_recovery_done", SIGN_IN, NOT_ME, approved=True),
    "mail-new-sign-in": _mail("new_sign_in", FROM, NOT_ME),
    "mail-address-change": _mail("address_change", NOBODY, LINK),
    "mail-address-changed": _mail("address_changed", MOVED, FROM, NOT_ME),
    "mail-address-changed-old": _mail("address_changed", NOBODY, MOVED, FROM, NOT_ME, to_old=True),
    "mail-address-changed-support": _mail("address_changed", NOBODY, MOVED, FROM, NOT_ME, to_old=True, by_support=True),
    "mail-address-replaced": _mail("address_replaced", NOBODY),
    "mail-test": _mail("test"),
}
