"""Tokens: signed references to rows, in links, cookies, refresh tokens and access tokens.

A token contains no secret: it names a row, and the signature proves that we issued it. Each purpose has its own salt,
so that a token for one purpose is invalid for every other.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import jwt
from itsdangerous import BadData, TimestampSigner, URLSafeSerializer, URLSafeTimedSerializer

from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken, Unauthenticated
from chirp_auth.extensions import settings
from chirp_auth.models import Session

PASSWORD_RESET = "password-reset"
EMAIL_VERIFICATION = "email-verification"
REFRESH = "refresh"
NOT_ME = "not-me"
UNWANTED_REGISTRATION = "unwanted-registration"
DELETION_UNDO = "deletion-undo"
ADDRESS_CHANGE = "address-change"
KNOWN_DEVICE = "known-device"
SECOND_STEP = "second-step"
PASSKEY_CHALLENGE = "passkey-challenge"
FACTOR_RECOVERY = "factor-recovery"

MAX_TOKEN_CHARACTERS = 1000
_SIGNER = {"key_derivation": "hmac", "digest_method": sha256}


@dataclass(frozen=True, slots=True)
class Reference:
    """The content of a genuine token: the row's id, when it was minted, and a mark of the row's state."""

    id: UUID
    minted_at: datetime
    mark: str = ""


def mint(purpose: str, row: UUID, minted_at: datetime, mark: str = "") -> str:
    """Return the token for `row`. The same arguments give the same token, so that a repeated mail repeats its link."""
    return _timed(purpose, minted_at).dumps([_pack(row), mark])


def read(purpose: str, token: str) -> Reference:
    """Return the content of a genuine token, however old it is.

    Raises:
        InvalidToken: it is not ours, was tampered with, or was made for another purpose.
    """
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise InvalidToken
    try:
        (row, mark), minted_at = _timed(purpose).loads(token, return_timestamp=True)
        return Reference(_unpack(row), minted_at.astimezone(UTC), str(mark))
    # A validly signed payload of another shape raises the other three.
    except (BadData, ValueError, TypeError, OverflowError):
        raise InvalidToken from None


def mark_of(text: str) -> str:
    """Return a short digest of `text`: a token that contains it becomes invalid when the text changes."""
    return sha256(text.encode()).hexdigest()[:32]


def mint_refresh(session: Session) -> str:
    """Return the refresh token of the session's present rotation; each rotation has exactly one."""
    return _plain(REFRESH).dumps([_pack(session.id), session.rotation])


def read_refresh(token: str) -> tuple[UUID, int]:
    """Return the session's id and the rotation that a genuine refresh token names.

    Raises:
        Unauthenticated: it is not one of ours.
    """
    try:
        row, rotation = _plain(REFRESH).loads(token[:MAX_TOKEN_CHARACTERS])
        return _unpack(row), int(rotation)
    except (BadData, ValueError, TypeError):
        raise Unauthenticated from None


def mint_access(session: Session) -> str:
    """Return a JWT (RFC 7519, HS256) for the session; its reader still has to check that the session is alive."""
    issued_at = now()
    claims: dict[str, Any] = {
        "iss": settings.public_url,
        "sub": str(session.user_id),
        "sid": str(session.id),
        "iat": issued_at,
        "exp": issued_at + settings.jwt_expires_in,
        "jti": str(uuid4()),
    }
    return jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm="HS256")


def read_access(token: str) -> UUID:
    """Return the id of the session that a genuine, unexpired access token names.

    Raises:
        Unauthenticated: it is not ours, was tampered with, or is too old.
    """
    for secret in settings.jwt_secrets:
        try:
            claims = jwt.decode(
                token,
                secret,
                algorithms=["HS256"],
                issuer=settings.public_url,
                options={"require": ["iss", "sub", "sid", "iat", "exp", "jti"]},
            )
            return UUID(claims["sid"])
        except jwt.InvalidSignatureError:
            continue
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
            break
    raise Unauthenticated


def _timed(purpose: str, minted_at: datetime | None = None) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        settings.secret_keys,
        salt=f"chirp-auth.{purpose}",
        signer=_Signer,
        signer_kwargs={**_SIGNER, "minted_at": minted_at},
    )


class _Signer(TimestampSigner):
    """A signer that stamps `minted_at`, so that minting again gives the same token."""

    def __init__(self, *keys: Any, minted_at: datetime | None, **options: Any) -> None:
        super().__init__(*keys, **options)
        self._minted_at = minted_at

    def get_timestamp(self) -> int:
        return int(self._minted_at.timestamp()) if self._minted_at else super().get_timestamp()


def _plain(purpose: str) -> URLSafeSerializer:
    return URLSafeSerializer(settings.secret_keys, salt=f"chirp-auth.{purpose}", signer_kwargs=_SIGNER)


def _pack(row: UUID) -> str:
    return urlsafe_b64encode(row.bytes).rstrip(b"=").decode()


def _unpack(text: str) -> UUID:
    return UUID(bytes=urlsafe_b64decode(text + "=="))
