"""Sealing a password's hash for the browser's cookie, which is signed but can be read: the key stays here."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from secrets import token_bytes

from chirp_auth.extensions import settings

NONCE_BYTES = 16
_HASH = re.compile(rb"\$2b\$\d\d\$[./A-Za-z0-9]{53}")


def seal(password_hash: str) -> str:
    """Return the hash so that only we can read it. Whoever keeps it must sign it: sealing alone detects no change."""
    nonce = token_bytes(NONCE_BYTES)
    return urlsafe_b64encode(nonce + _masked(password_hash.encode(), nonce, settings.secret_keys[-1])).decode()


def unseal(sealed: str) -> str | None:
    """Return the hash that was sealed, or None if it was under a key that is no longer ours."""
    packed = urlsafe_b64decode(sealed)
    nonce, masked = packed[:NONCE_BYTES], packed[NONCE_BYTES:]
    candidates = (_masked(masked, nonce, key) for key in settings.secret_keys)
    return next((found.decode() for found in candidates if _HASH.fullmatch(found)), None)


def _masked(text: bytes, nonce: bytes, secret_key: str) -> bytes:
    """Return the text combined with a pad that is used once: a keyed BLAKE2b (RFC 7693) of a fresh nonce.

    One digest has 64 bytes, a bcrypt hash 60, so the pad never repeats.
    """
    key = blake2b(secret_key.encode(), person=b"chirp-held-key").digest()
    pad = blake2b(nonce, key=key, person=b"chirp-held-pad").digest()
    return bytes(a ^ b for a, b in zip(text, pad[: len(text)], strict=True))
