"""The end of a delayed recovery, and the reminders before it: what the worker does, however many workers there are.

Whatever must happen once is one conditional UPDATE, in one transaction with what follows from it: a worker that is
killed has done all of it or nothing, and the next one goes on.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from chirp_auth import audit
from chirp_auth.accounts import revocation
from chirp_auth.accounts.factors import factor_recovery, second_factor
from chirp_auth.audit.vocabulary import Kind
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.mail import outbox
from chirp_auth.models import FactorRecovery, User
from chirp_auth.security.client import Client

REMIND_EVERY = timedelta(days=1)
BATCH = 50
WORKER = Client(face="worker", actor="worker")


def finish_and_remind() -> None:
    """Finish the recoveries whose time has come, close those that died with a change, remind the other owners."""
    _close_dead()
    due = (
        select(FactorRecovery.id)
        .where(*factor_recovery.is_undecided(), FactorRecovery.due_at <= now())
        .order_by(FactorRecovery.due_at)
        .limit(BATCH)
    )
    for recovery_id in db.session.scalars(due).all():
        finish(recovery_id, WORKER)
    _remind()


def finish(recovery_id: UUID, client: Client, *, approved: bool = False, reason: str | None = None) -> int | None:
    """Turn the second factors off and sign everybody out, if the recovery is due, or `approved` by an operator.

    Returns:
        How many sessions ended; None if it is not due, or was cancelled, finished or overtaken by a change.
    """
    query = select(User).join(FactorRecovery).where(FactorRecovery.id == recovery_id)
    # The user's row is locked first, as in every change; not its key, to which others' new rows refer.
    user: User | None = db.session.scalar(
        query.with_for_update(key_share=True, of=User), execution_options={"populate_existing": True}
    )
    ended = _finish(recovery_id, user, approved=approved) if user else None
    if user is None or ended is None:
        db.session.rollback()
        return None
    kind: Kind = "factor_recovery.approved" if approved else "factor_recovery.done"
    detail: dict[str, Any] = {"reason": reason} if approved else {}
    audit.record(kind, client, user_id=user.id, email_key=user.email_key, ended=ended, **detail)
    outbox.put("factor_recovery_done", user.email, user.id, approved=approved)
    db.session.commit()
    return ended


def _finish(recovery_id: UUID, user: User, *, approved: bool) -> int | None:
    marking = update(FactorRecovery).where(
        FactorRecovery.id == recovery_id,
        *factor_recovery.is_undecided(),
        FactorRecovery.credential_version == user.credential_version,
    )
    if not approved:
        marking = marking.where(FactorRecovery.due_at <= now())
    if db.session.scalar(marking.values(done_at=now()).returning(FactorRecovery.id)) is None:
        return None
    second_factor.remove_all(user.id)
    devices = revocation.change_credentials(user)
    return None if devices is None else len(devices)


def _close_dead() -> None:
    """Cancel the recoveries whose accounts were changed since they were started."""
    changed = FactorRecovery.credential_version != User.credential_version
    dead = select(FactorRecovery.id).join(User).where(*factor_recovery.is_undecided(), changed).limit(BATCH)
    if ids := db.session.scalars(dead).all():
        closing = update(FactorRecovery).where(FactorRecovery.id.in_(ids), *factor_recovery.is_undecided())
        db.session.execute(closing.values(cancelled_at=now()))
    db.session.commit()


def _remind() -> None:
    """Promise the mail of the day; the time of the last one moves on in the same transaction."""
    is_due = (*factor_recovery.is_undecided(), FactorRecovery.told_at <= now() - REMIND_EVERY)
    waiting = select(FactorRecovery).where(*is_due, FactorRecovery.due_at > now()).limit(BATCH)
    for recovery in db.session.scalars(waiting).all():
        reminding = update(FactorRecovery).where(FactorRecovery.id == recovery.id, *is_due).values(told_at=now())
        if db.session.scalar(reminding.returning(FactorRecovery.id)):  # No other worker was first.
            outbox.put("factor_recovery", recovery.user.email, recovery.user_id, recovery=str(recovery.id))
        db.session.commit()
