"""Reset codes: what the mail has beside its link, for whoever reads it on another device than the one that asked.

A code is good for 10 minutes and 5 tries, and only for the browser or app that asked: that one made a secret, sent its
digest with the request and shows the secret with the code (as in RFC 7636). A code alone is worth nothing, and so is a
secret alone. Link and code are one row, and die together.
"""

from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256
from secrets import token_urlsafe
from uuid import uuid4

from sqlalchemy import Select, select, update

from chirp_auth.accounts import addresses
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken, LinkReplaced, TokenExpired
from chirp_auth.extensions import db
from chirp_auth.models import PasswordResetToken, User
from chirp_auth.security import codes

PURPOSE = "reset-code"
LIFE = timedelta(minutes=10)
TRIES = 5


def new_verifier() -> str:
    """Return a secret for whoever asks for a link, as long as RFC 7636 (4.1) wants it."""
    return token_urlsafe(32)


def challenge_of(verifier: str) -> str:
    """Return the digest of the secret, which goes with the request (RFC 7636, 4.2, S256)."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def code_of(row: PasswordResetToken) -> str | None:
    """Return the code that goes with this link, or None where whoever asked has no use for one."""
    return codes.of_row(PURPOSE, row.id, row.code_challenge) if row.code_challenge else None


def check_code(email: str, code: str, verifier: str) -> PasswordResetToken:
    """Return the row whose code this is, as `reset_links.check_link` does for a link.

    A wrong code counts in the caller's transaction, which has to be committed. All wrong ones look alike, with an
    account or without, and cost the same statements.

    Raises:
        InvalidEmail: the address is not an address.
        InvalidToken: a wrong code, or one too many; the browser or app is not the one that asked; no such account.
        TokenExpired, LinkReplaced: the right code, but too late.
    """
    row = db.session.scalar(_asked_for(addresses.parse(email).key, challenge_of(verifier)))
    counting = (
        update(PasswordResetToken)
        .where(PasswordResetToken.id == (row.id if row else uuid4()), PasswordResetToken.code_tries < TRIES)
        .values(code_tries=PasswordResetToken.code_tries + 1)
        .returning(PasswordResetToken.id)
    )
    has_a_try = db.session.scalar(counting) is not None  # From here to the commit no other try is judged.
    is_right = codes.is_right(code, PURPOSE, row.id if row else uuid4(), challenge_of(verifier))
    if row is None or not has_a_try or not is_right:
        raise InvalidToken
    db.session.rollback()  # The right code costs no try: its new password may yet be refused.
    if row.created_at + LIFE <= now() or row.expires_at <= now():
        raise TokenExpired
    if row.user.credential_version != row.credential_version or row.user.disabled_at:
        raise LinkReplaced
    return row


def _asked_for(email_key: str, challenge: str) -> Select[PasswordResetToken]:
    """Return the query for the newest link that this browser or app has asked for, and that can still be used."""
    return (
        select(PasswordResetToken)
        .join(User)
        .where(
            User.email_key == email_key,
            PasswordResetToken.code_challenge == challenge,
            PasswordResetToken.used_at.is_(None),
            PasswordResetToken.revoked_at.is_(None),
        )
        .order_by(PasswordResetToken.created_at.desc())
        .limit(1)
    )
