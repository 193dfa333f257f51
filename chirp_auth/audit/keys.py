"""The keys of the audit trail: AUDIT_KEY and its fallbacks, or else keys derived from the signing keys."""

from collections.abc import Iterable
from hmac import compare_digest
from hmac import digest as digest_by_key

from chirp_auth.extensions import settings

_LABEL = b"chirp-auth.audit-key"


def present() -> str:
    """Return the key that signs seals and address digests now."""
    return own()[-1] if own() else derived()[-1]


def own() -> list[str]:
    """Return AUDIT_KEY_FALLBACKS and AUDIT_KEY, oldest first; nothing if AUDIT_KEY is not set."""
    return settings.audit_keys


def derived() -> list[str]:
    """Return the keys derived from the signing keys, oldest first (HMAC with a fixed label)."""
    return [digest_by_key(key.encode(), _LABEL, "sha256").hex() for key in settings.secret_keys]


def every() -> list[str]:
    """Return all keys that are still configured."""
    return [*derived(), *own()]


def mac(key: str, label: str, text: str) -> str:
    """Return the MAC (HMAC-SHA-256) of the text under the key; the label separates purposes."""
    return digest_by_key(key.encode(), f"{label}:{text}".encode(), "sha256").hex()


def is_made_by(keys: Iterable[str], label: str, text: str, code: str) -> bool:
    """Say whether one of the keys made this MAC."""
    return any(compare_digest(code, mac(key, label, text)) for key in keys)
