"""The keys of the audit trail: AUDIT_KEY and its fallbacks, or sub-keys of the signing keys where it is not set."""

from collections.abc import Iterable
from hmac import compare_digest
from hmac import digest as digest_by_key

from chirp_auth.extensions import settings

_LABEL = b"chirp-auth.audit-key"


def present() -> str:
    """Return the key that seals and names addresses now."""
    return own()[-1] if own() else derived()[-1]


def own() -> list[str]:
    """Return AUDIT_KEY_FALLBACKS and AUDIT_KEY, oldest first; nothing if AUDIT_KEY is not set."""
    return settings.audit_keys


def derived() -> list[str]:
    """Return the sub-keys of the signing keys, oldest first (HMAC with a fixed label)."""
    return [digest_by_key(key.encode(), _LABEL, "sha256").hex() for key in settings.secret_keys]


def every() -> list[str]:
    """Return all keys that still count."""
    return [*derived(), *own()]


def mac(key: str, label: str, text: str) -> str:
    """Return the code that only the key's owner can make; the label tells what it is about."""
    return digest_by_key(key.encode(), f"{label}:{text}".encode(), "sha256").hex()


def is_made_by(keys: Iterable[str], label: str, text: str, code: str) -> bool:
    """Say whether one of the keys made this code."""
    return any(compare_digest(code, mac(key, label, text)) for key in keys)
