"""Which outbox entries have their causes in the audit trail: a reset request's event follows from its entry."""

from collections.abc import Collection, Sequence

from sqlalchemy import func, select, update

from chirp_auth.extensions import db
from chirp_auth.models import OutboxEntry


def mark_recorded(entries: Sequence[OutboxEntry]) -> None:
    """Note that the audit trail has the causes of these entries, which the caller's transaction has claimed."""
    if entries:
        marking = update(OutboxEntry).where(OutboxEntry.id.in_([entry.id for entry in entries]))
        db.session.execute(marking.values(is_recorded=True))


def take_unrecorded(limit: int | None, recipients: Collection[str] | None = None) -> Sequence[OutboxEntry]:
    """Return entries whose causes the caller records in this transaction; no two callers get the same one.

    With `recipients` (lower case) only theirs, and all of them: it waits for a worker that has just claimed one.
    """
    unrecorded = select(OutboxEntry.id).where(~OutboxEntry.is_recorded).order_by(OutboxEntry.id).limit(limit)
    if recipients is not None:
        unrecorded = unrecorded.where(func.lower(OutboxEntry.recipient).in_(recipients))
    rows = unrecorded.with_for_update(skip_locked=recipients is None).cte("unrecorded")
    taking = update(OutboxEntry).where(OutboxEntry.id.in_(select(rows.c.id)), ~OutboxEntry.is_recorded)
    return db.session.scalars(taking.values(is_recorded=True).returning(OutboxEntry)).all()
