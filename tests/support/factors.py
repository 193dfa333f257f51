"""Second factors for tests: an account that asks for one, and what its owner types."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from chirp_auth.accounts.factors import second_factor
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.models import AuthenticatorApp, Passkey, RecoveryCode, User
from chirp_auth.security import sealing, totp

RECOVERY_CODES = ("K7QP4M2XAC", "D2QP4M2XAC")


def with_authenticator(user: User, recovery_codes: Sequence[str] = RECOVERY_CODES) -> str:
    """Give the account an authenticator app and recovery codes, as if they had always been there; return its secret."""
    secret = totp.new_secret()
    sealed = sealing.seal(secret, str(user.id))
    db.session.add(AuthenticatorApp(user_id=user.id, secret=sealed, confirmed_at=now()))
    for text in recovery_codes:
        row = uuid4()
        db.session.add(RecoveryCode(id=row, user_id=user.id, digest=second_factor.digest_of(row, text)))
    db.session.commit()
    return secret


def code_for(secret: str) -> str:
    """Return the code that the app shows now."""
    return totp.code_at(secret, now())


def wrong_code(secret: str) -> str:
    """Return six digits that the app shows at no time near now."""
    near = {totp.code_at(secret, now() + timedelta(seconds=shift * totp.STEP_SECONDS)) for shift in range(-3, 4)}
    return next(code for code in map("{:06}".format, range(10)) if code not in near)


def with_passkey(user: User) -> None:
    """Give the account a passkey that nobody can use: there is no authenticator for it."""
    db.session.add(
        Passkey(
            user_id=user.id,
            credential_id=uuid4().bytes,
            public_key=b"",
            aaguid=uuid4(),
            name="Phone",
            may_sync=True,
            is_synced=True,
        )
    )
    db.session.commit()
