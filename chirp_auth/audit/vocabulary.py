"""The words of the audit trail: every kind of event, and every outcome. The type checker knows no others."""

from typing import Literal, NewType

from chirp_auth.errors import AuthError

# An account's own events: its owner may read them.
AccountKind = Literal[
    "account.secured",
    "address_change.done",
    "address_change.requested",
    "address_change.withheld",
    "authenticator_app.added",
    "authenticator_app.removed",
    "data.downloaded",
    "deletion.requested",
    "deletion.undone",
    "email.changed",
    "email.verified",
    "email_verification.requested",
    "email_verification.withheld",
    "existing_account.withheld",
    "factor_recovery.approved",
    "factor_recovery.cancelled",
    "factor_recovery.done",
    "factor_recovery.started",
    "passkey.added",
    "passkey.removed",
    "passkey.renamed",
    "passkey.suspected",
    "password.changed",
    "password_reset.done",
    "password_reset.link_shown",
    "password_reset.links_voided",
    "password_reset.opened",
    "password_reset.requested",
    "password_reset.withheld",
    "profile.changed",
    "recovery_code.used",
    "recovery_codes.made",
    "second_factor.shown",
    "second_factors.removed",
    "session.ended",
    "session.ended_all",
    "session.ended_others",
    "session.proved",
    "session.refresh_reused",
    "session.signed_in",
    "session.signed_out",
    "user.created",
    "user.deleted",
    "user.imported",
    "user.invited",
    "user.locked",
    "user.registered",
    "user.unlocked",
]
# What names no account: refusals of nobody's token, and what was done to many.
ServiceKind = Literal[
    "audit.chapter_opened",
    "keys.rotated",
    "limit.hit",
    "mail.cancelled",
    "mail.retried",
    "mail.tested",
    "password_reset.refused",
    "records.purge_begun",
    "records.purged",
    "records.restored",
    "session.access_refused",
    "session.refresh_refused",
    "user.exported",
    "user.import_done",
]
Kind = Literal[AccountKind, ServiceKind]

OwnOutcome = Literal[
    "ok",
    "delayed",
    "disabled",
    "email_not_verified",
    "email_taken",
    "ended",
    "invalid_token",
    "needs_second_factor",
    "no_account",
    "not_found",
    "refused",
    "replaced",
    "session_ended",
    "too_many",
    "too_many_mails",
    "wrong_passkey",
    "wrong_password",
    "wrong_second_factor",
]
RefusalOutcome = NewType("RefusalOutcome", str)
Outcome = OwnOutcome | RefusalOutcome


def outcome_of(refusal: AuthError) -> Outcome:
    """Return the outcome of what was refused: the refusal's code in lower case."""
    return RefusalOutcome(refusal.code.lower())
