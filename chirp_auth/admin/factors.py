"""Second factors as operators see them: what an account has, removing all of it, and recoveries that wait."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from chirp_auth import audit
from chirp_auth.accounts.factors import (
    factor_mails,
    factor_recovery,
    factor_recovery_end,
    recovery_codes,
    second_factor,
)
from chirp_auth.admin import accounts
from chirp_auth.errors import NotFound
from chirp_auth.extensions import db
from chirp_auth.models import FactorRecovery, User
from chirp_auth.security.client import Client

NOTHING_OPEN = "No recovery of this account is open"
NOTHING_THERE = "This account has no second factor and no passkey"


@dataclass(frozen=True, slots=True)
class Factors:
    """What an account has beside its password; `recovery_codes` counts those that are left."""

    authenticator_app: bool
    recovery_codes: int
    passkeys: int


def of(user: User) -> Factors:
    """Return the account's factors."""
    return Factors(second_factor.is_on(user.id), recovery_codes.left(user.id), second_factor.count_passkeys(user.id))


def remove_all(user: User, reason: str, client: Client) -> int:
    """Remove app, recovery codes and passkeys, sign the account out everywhere and tell its owner.

    Returns:
        How many sessions ended.

    Raises:
        NotFound: the account has none.
        ServiceBusy: others kept changing the account at the same moment.
    """
    if of(user) == Factors(authenticator_app=False, recovery_codes=0, passkeys=0):
        raise NotFound(NOTHING_THERE)
    ended = accounts.replace(user)
    second_factor.remove_all(user.id)
    audit.record(
        "second_factors.removed", client, user_id=user.id, email_key=user.email_key, reason=reason, ended=ended
    )
    factor_mails.tell("removed_by_support", user, client)
    db.session.commit()
    return ended


def waiting(limit: int) -> Sequence[FactorRecovery]:
    """Return open recoveries, the next to end first."""
    query = select(FactorRecovery).join(User).where(factor_recovery.is_open()).order_by(FactorRecovery.due_at)
    return db.session.scalars(query.limit(limit)).all()


def approve(user: User, reason: str, client: Client) -> int:
    """End the waiting time of the user's open recovery at once; return how many sessions ended.

    Raises:
        NotFound: none is open, or it was cancelled or finished at this moment.
    """
    recovery = factor_recovery.open_of(user.id)
    ended = factor_recovery_end.finish(recovery.id, client, approved=True, reason=reason) if recovery else None
    if ended is None:
        raise NotFound(NOTHING_OPEN)
    return ended


def cancel(user: User, reason: str | None, client: Client) -> None:
    """Cancel the user's open recovery.

    Raises:
        NotFound: none is open.
    """
    if not factor_recovery.cancel(user, client, reason):
        raise NotFound(NOTHING_OPEN)
