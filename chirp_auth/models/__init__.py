"""The tables: columns and small properties, no flows."""

from chirp_auth.models.audit import AuditAnchor, AuditSeal, SecurityEvent
from chirp_auth.models.columns import (
    MAX_EMAIL_CHARACTERS,
    MAX_NAME_CHARACTERS,
    MAX_USER_AGENT_CHARACTERS,
    BigId,
    UtcDateTime,
)
from chirp_auth.models.credentials import KnownDevice, PasswordResetToken, Session
from chirp_auth.models.outbox import JobLock, OutboxEntry
from chirp_auth.models.second_factors import (
    MAX_CREDENTIAL_ID_BYTES,
    MAX_PASSKEY_NAME_CHARACTERS,
    AuthenticatorApp,
    FactorRecovery,
    Passkey,
    RecoveryCode,
    SpentChallenge,
)
from chirp_auth.models.users import AddressChange, User

__all__ = [
    "MAX_CREDENTIAL_ID_BYTES",
    "MAX_EMAIL_CHARACTERS",
    "MAX_NAME_CHARACTERS",
    "MAX_PASSKEY_NAME_CHARACTERS",
    "MAX_USER_AGENT_CHARACTERS",
    "AddressChange",
    "AuditAnchor",
    "AuditSeal",
    "AuthenticatorApp",
    "BigId",
    "FactorRecovery",
    "JobLock",
    "KnownDevice",
    "OutboxEntry",
    "Passkey",
    "PasswordResetToken",
    "RecoveryCode",
    "SecurityEvent",
    "Session",
    "SpentChallenge",
    "User",
    "UtcDateTime",
]
