"""Second factors: whether an account asks for one, and whether what was shown is one.

An account with a confirmed authenticator app asks for a second factor after a password, and after a mailed link or
code. The app's code, one of the recovery codes and a passkey each are one. Guesses bring the
same delays as wrong passwords, with a count of their own: guesses at the password do not lock the owner out here.
"""

from datetime import datetime
from hashlib import sha256
from typing import Literal
from uuid import UUID

import structlog
from sqlalchemy import delete, func, or_, select, update

from chirp_auth import audit
from chirp_auth.accounts import lockout
from chirp_auth.accounts.factors import factor_mails
from chirp_auth.audit.vocabulary import Kind
from chirp_auth.clock import now
from chirp_auth.errors import WrongSecondFactor
from chirp_auth.extensions import db
from chirp_auth.models import AuthenticatorApp, Passkey, RecoveryCode, User
from chirp_auth.security import codes, sealing, totp
from chirp_auth.security.client import Client

Factor = Literal["authenticator_app", "recovery_code"]

log = structlog.get_logger("second_factor")


def is_on(user_id: UUID) -> bool:
    """Say whether the account asks for a second factor."""
    query = select(AuthenticatorApp.user_id).where(
        AuthenticatorApp.user_id == user_id, AuthenticatorApp.confirmed_at.is_not(None)
    )
    return db.session.scalar(query) is not None


def blocked_until(user_id: UUID) -> datetime | None:
    """Return until when codes are refused after wrong ones, outside of known browsers; None if they never were."""
    return db.session.scalar(select(AuthenticatorApp.sign_in_blocked_until).where(AuthenticatorApp.user_id == user_id))


def show(user: User, typed: str, client: Client, kind: Kind = "second_factor.shown") -> Factor:
    """Spend the code that was typed, of the app or a recovery code, in the caller's transaction, which it must commit.

    No transaction may be open but for this; a refusal is counted, recorded as an event of this kind and committed.

    Raises:
        WrongSecondFactor: it is wrong, was used before, or a delay is not over; never which of them.
    """
    # The user's row is locked first, as in every change, one of which may remove the factor: they wait in turn.
    db.session.execute(select(User.id).where(User.id == user.id).with_for_update(key_share=True))
    app = db.session.get(AuthenticatorApp, user.id, populate_existing=True)
    failures = None
    if app and app.confirmed_at:
        counts, failures = lockout.claim_try(user, app, client)
        factor = _spend(user, app, typed, client) if failures else None
        if factor:
            lockout.clear(counts)
            return factor
    if failures in (lockout.FREE_FAILURES + 1, lockout.MANY_FAILURES):
        factor_mails.tell("codes_guessed", user, client)
    audit.record(
        kind, client, outcome="delayed" if app and failures is None else "wrong_second_factor", user_id=user.id
    )
    db.session.commit()
    raise WrongSecondFactor


def digest_of(code: UUID, text: str) -> str:
    """Return what the table keeps of a recovery code, sealed: its digest, salted with the row's id."""
    return sealing.seal(_digest(code, text), context_of_code(code))


def secret_of(app: AuthenticatorApp) -> str | None:
    """Return the secret that we share with the authenticator app; None if its key is no longer configured."""
    secret = sealing.unseal(app.secret, context_of_app(app.user_id))
    if secret is None:
        log.error("the secret of an authenticator app cannot be decrypted: is a former ENCRYPTION_KEY missing?")
    return secret


def count_passkeys(user_id: UUID) -> int:
    """Return how many passkeys the user has."""
    return db.session.scalar(select(func.count()).select_from(Passkey).where(Passkey.user_id == user_id)) or 0


def context_of_app(user_id: UUID) -> str:
    """Return the context in which the secret of a user's authenticator app is sealed."""
    return str(user_id)


def context_of_code(code: UUID) -> str:
    """Return the context in which the digest of a recovery code is sealed."""
    return f"recovery code {code}"


def remove_all(user_id: UUID) -> None:
    """Remove app, recovery codes and passkeys in the caller's transaction, which has to raise the version as well."""
    for model in (AuthenticatorApp, RecoveryCode, Passkey):
        db.session.execute(delete(model).where(model.user_id == user_id))


def _spend(user: User, app: AuthenticatorApp, typed: str, client: Client) -> Factor | None:
    if _spend_step(app, typed):
        return "authenticator_app"
    return "recovery_code" if _spend_recovery_code(user, typed, client) else None


def _spend_step(app: AuthenticatorApp, typed: str) -> bool:
    """Use up the time step of the code: neither it nor an earlier one is taken again (RFC 6238, 5.2)."""
    secret = secret_of(app)
    step = totp.step_of(secret, typed, now()) if secret else None
    if step is None:
        return False
    spending = (
        update(AuthenticatorApp)
        .where(
            AuthenticatorApp.user_id == app.user_id,
            or_(AuthenticatorApp.last_step.is_(None), AuthenticatorApp.last_step < step),
        )
        .values(last_step=step, last_used_at=now())
        .returning(AuthenticatorApp.user_id)
    )
    return db.session.scalar(spending) is not None


def _spend_recovery_code(user: User, typed: str, client: Client) -> bool:
    normal = codes.normal(typed)
    unused = select(RecoveryCode).where(RecoveryCode.user_id == user.id, RecoveryCode.used_at.is_(None))
    rows = db.session.scalars(unused).all()
    row = next(
        (row for row in rows if sealing.unseal(row.digest, context_of_code(row.id)) == _digest(row.id, normal)), None
    )
    if row is None:
        return False
    spending = update(RecoveryCode).where(RecoveryCode.id == row.id, RecoveryCode.used_at.is_(None))
    if db.session.scalar(spending.values(used_at=now()).returning(RecoveryCode.id)) is None:
        return False
    audit.record("recovery_code.used", client, user_id=user.id, left=len(rows) - 1)
    factor_mails.tell("recovery_code_used", user, client, left=len(rows) - 1)
    return True


def _digest(code: UUID, text: str) -> str:
    return sha256(code.bytes + text.encode()).hexdigest()
