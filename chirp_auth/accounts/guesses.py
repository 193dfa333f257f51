"""Guesses: proving a password, and the growing delay that wrong ones bring upon an account.

The delay begins with the fifth failure, is never longer than 15 minutes and never permanent. Whoever asks gets
the same answer at the same cost, whether the account is unknown, delayed, disabled or the password just wrong.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from chirp_auth.clock import now
from chirp_auth.errors import InvalidCredentials
from chirp_auth.extensions import db
from chirp_auth.models import User
from chirp_auth.security import audit, passwords
from chirp_auth.security.client import Client

FREE_FAILURES = 4
FIRST_DELAY = timedelta(seconds=15)
LONGEST_DELAY = timedelta(minutes=15)

CLEARED: dict[str, Any] = {"failed_sign_ins": 0, "sign_in_blocked_until": None}


def prove(user: User | None, password: str, client: Client, kind: str, email_key: str) -> User:
    """Return the user if the password is theirs; `kind` names the attempt in the audit trail.

    Raises:
        InvalidCredentials: it is not, or the account waits out a delay, or there is no such account.
        ServiceBusy: too many hashes are under way; nothing was counted.
    """
    db.session.commit()  # End the read: no transaction stays open while a hash is computed.
    right = passwords.verify(password, user.password_hash if user else None)
    if user and _is_blocked(user):
        outcome = "delayed"
    elif user and user.disabled_at:
        outcome = "disabled"
    elif user and right:
        return user
    else:
        outcome = "wrong_password" if user else "no_account"
    if user and outcome == "wrong_password":
        _count_failure(user)
    audit.record(kind, client, outcome=outcome, user_id=user.id if user else None, email_key=email_key)
    db.session.commit()
    raise InvalidCredentials


def _is_blocked(user: User) -> bool:
    """Ask anew: guesses that were hashed beside this one may have failed since the user was read."""
    until = db.session.scalar(select(User.sign_in_blocked_until).where(User.id == user.id))
    db.session.commit()
    return until is not None and until > now()


def _count_failure(user: User) -> None:
    """Add one to the count in the database, where two failures at once are two, and set the delay it brings."""
    counting = (
        update(User)
        .where(User.id == user.id)
        .values(failed_sign_ins=User.failed_sign_ins + 1)
        .returning(User.failed_sign_ins)
    )
    failures = db.session.execute(counting, execution_options={"synchronize_session": False}).scalar_one()
    if failures > FREE_FAILURES:
        blocking = update(User).where(User.id == user.id).values(sign_in_blocked_until=_delayed(failures))
        db.session.execute(blocking, execution_options={"synchronize_session": False})


def _delayed(failures: int) -> datetime:
    doublings = min(failures - FREE_FAILURES - 1, 10)
    return now() + min(FIRST_DELAY * (1 << doublings), LONGEST_DELAY)
