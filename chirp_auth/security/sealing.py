"""Sealing: secrets that we must read again, encrypted by ENCRYPTION_KEY wherever they rest (AES-256-GCM, RFC 5116).

A sealed secret names its context, such as the row that it belongs to: moved to another row it cannot be read.
Former keys still open what they sealed. Without ENCRYPTION_KEY the keys are derived from the signing keys, which still
open it when there is one.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chirp_auth.extensions import settings

NONCE_BYTES = 12
KEY_BYTES = 32


def seal(secret: str, context: str) -> str:
    """Return the secret so that only we can read it, and only in this context."""
    nonce = token_bytes(NONCE_BYTES)
    sealed = _cipher(_keys()[-1]).encrypt(nonce, secret.encode(), context.encode())
    return urlsafe_b64encode(nonce + sealed).decode()


def unseal(sealed: str, context: str) -> str | None:
    """Return the secret, or None if it was sealed under a key that is no longer ours, or for another context."""
    for key in reversed(_keys()):
        secret = _opened(sealed, context, key)
        if secret is not None:
            return secret
    return None


def is_current(sealed: str, context: str) -> bool:
    """Say whether it was sealed under the present key, so that former ones may go."""
    return _opened(sealed, context, _keys()[-1]) is not None


def _opened(sealed: str, context: str, key: str) -> str | None:
    packed = urlsafe_b64decode(sealed)
    try:
        return _cipher(key).decrypt(packed[:NONCE_BYTES], packed[NONCE_BYTES:], context.encode()).decode()
    except InvalidTag:
        return None


def _keys() -> list[str]:
    return [*settings.secret_keys, *settings.encryption_keys]


@lru_cache(maxsize=8)
def _cipher(key: str) -> AESGCM:
    derivation = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"chirp-auth.sealing")
    return AESGCM(derivation.derive(key.encode()))
