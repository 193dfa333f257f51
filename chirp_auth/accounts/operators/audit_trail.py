"""The audit trail as a whole: sealed little by little by the worker, so that no request waits for it.

It grows old from its beginning, a whole seal at a time, never a row from its middle: what remains still verifies.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select

from chirp_auth.extensions import db
from chirp_auth.mail import chores
from chirp_auth.models import AuditSeal, SecurityEvent
from chirp_auth.security import audit, chain
from chirp_auth.security.client import Client

SEAL_EVERY = timedelta(seconds=5)


def note(kind: str, client: Client, outcome: str = "ok", **detail: Any) -> None:
    """Put an event on record by itself, where no change of an account goes with it."""
    audit.record(kind, client, outcome=outcome, **detail)
    db.session.commit()


@chores.every(SEAL_EVERY)
def seal_events() -> None:
    """Seal what is unsealed, a batch to a transaction."""
    while chain.seal_batch() == chain.BATCH:
        db.session.commit()
    db.session.commit()


def verify(told: Callable[[int], None] = lambda _events: None) -> chain.Report:
    """Return what became of the sealed events. Changes nothing; `told` learns how many more were checked."""
    report = chain.verify(told)
    db.session.commit()
    return report


def count_old(is_old: ColumnElement[bool]) -> int:
    """Return how many events a purge would delete: seals from the beginning of the trail, while all in them is old."""
    kept_seal = db.session.scalar(select(func.min(SecurityEvent.seal)).where(~is_old))
    if kept_seal is not None:
        return _count(SecurityEvent.seal < kept_seal)
    kept_id = db.session.scalar(select(func.min(SecurityEvent.id)).where(~is_old))
    if kept_id is None:
        return _count()
    next_to_seal = _count(SecurityEvent.seal.is_(None), SecurityEvent.id < kept_id)
    return _count(SecurityEvent.seal.is_not(None)) + next_to_seal - next_to_seal % chain.BATCH


def delete_oldest_seal(is_old: ColumnElement[bool]) -> int:
    """Delete the first seal of the trail with its events, if all of them are old; say how many those were."""
    number = db.session.scalar(select(func.min(AuditSeal.number)))
    covered = SecurityEvent.seal == number
    if number is None or db.session.scalar(select(SecurityEvent.id).where(covered, ~is_old).limit(1)):
        db.session.commit()
        return 0
    sealed_events: Any = db.session.execute(
        delete(SecurityEvent).where(covered), execution_options={"synchronize_session": False}
    )
    db.session.execute(delete(AuditSeal).where(AuditSeal.number == number))
    db.session.commit()
    return int(sealed_events.rowcount)


def _count(*which: ColumnElement[bool]) -> int:
    return db.session.scalar(select(func.count()).select_from(SecurityEvent).where(*which)) or 0
