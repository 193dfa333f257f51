"""Duties: chores that one worker does, however many there are.

Taking a duty is one conditional UPDATE of its row, so that a worker which dies leaves nothing to release.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.models import JobLock

DELIVERY, CLEAN_UP = "delivery", "clean_up"
HEARTBEAT_EVERY = timedelta(seconds=15)
NEVER = 2000  # The year in which the migration let every duty begin last.


def heartbeat() -> None:
    """Leave the sign of life that operators look for: some worker was here."""
    acquire(DELIVERY, HEARTBEAT_EVERY)


def acquire(name: str, every: timedelta) -> bool:
    """Say whether the duty is due and ours: of several workers that ask, one gets it."""
    taking = update(JobLock).where(JobLock.name == name, JobLock.begun_at <= now() - every).values(begun_at=now())
    result: Any = db.session.execute(taking, execution_options={"synchronize_session": False})
    db.session.commit()
    return bool(result.rowcount)


def last_acquired(name: str) -> datetime | None:
    """Return when a worker last took the duty; None if none ever did."""
    begun_at = db.session.scalar(select(JobLock.begun_at).where(JobLock.name == name))
    return begun_at if begun_at and begun_at.year > NEVER else None
