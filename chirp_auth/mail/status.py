"""The state of the outbox: what waits, what needs an operator, and how long mail takes.

Read from the database whenever it is asked, so it is the same answer in every process.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.mail import job_locks, outbox
from chirp_auth.models import OutboxEntry

RECENT = timedelta(minutes=5)
MAX_RECENT = 1000

WAITING, PARKED, SENT, CLOSED = "waiting", "parked", "sent", "closed"

is_waiting = OutboxEntry.due_at.is_not(None)
is_parked = OutboxEntry.due_at.is_(None) & OutboxEntry.sent_at.is_(None)
is_sent = OutboxEntry.sent_at.is_not(None) & OutboxEntry.last_error.is_(None)
is_closed = OutboxEntry.sent_at.is_not(None) & OutboxEntry.last_error.is_not(None)
BY_NAME = {WAITING: is_waiting, PARKED: is_parked, SENT: is_sent, CLOSED: is_closed}


@dataclass(frozen=True, slots=True)
class MailStatus:
    """How the outbox stands at one moment."""

    waiting: int
    parked: int
    parked_for_mailbox: int  # of those: only the mailbox itself was refused
    oldest_seconds: float  # 0 while nothing is late; what is only to leave later is not
    last_sent_at: datetime | None
    last_error: str | None
    worker_seen_at: datetime | None

    @property
    def worker_seconds(self) -> float | None:
        """The time since a worker was last seen; None if none ever was."""
        return (now() - self.worker_seen_at).total_seconds() if self.worker_seen_at else None


def of(entry: OutboxEntry) -> str:
    """Return the state of one entry."""
    if entry.due_at:
        return WAITING
    if entry.sent_at is None:
        return PARKED
    return CLOSED if entry.last_error else SENT


def read() -> MailStatus:
    """Return how the outbox stands now."""
    waiting = db.session.scalar(select(func.count()).select_from(OutboxEntry).where(is_waiting)) or 0
    # A retry has moved `due_at`; what was never tried is late since then.
    untried = select(func.min(OutboxEntry.due_at)).where(OutboxEntry.due_at <= now())
    failing = select(func.min(OutboxEntry.created_at)).where(is_waiting, OutboxEntry.last_error.is_not(None))
    late_since = [moment for moment in map(db.session.scalar, (untried, failing)) if moment]
    parked = db.session.scalar(select(func.count()).select_from(OutboxEntry).where(is_parked)) or 0
    of_mailbox = OutboxEntry.last_error.startswith(outbox.MAILBOX_REFUSED)
    parked_for_mailbox = db.session.scalar(select(func.count()).select_from(OutboxEntry).where(is_parked, of_mailbox))
    troubled = (
        select(OutboxEntry.last_error)
        .where(is_waiting | is_parked, OutboxEntry.last_error.is_not(None))
        .order_by(OutboxEntry.created_at.desc())
        .limit(1)
    )
    last_sent = select(OutboxEntry.sent_at).where(is_sent).order_by(OutboxEntry.sent_at.desc()).limit(1)
    found = MailStatus(
        waiting=waiting,
        parked=parked,
        parked_for_mailbox=parked_for_mailbox or 0,
        oldest_seconds=max(0.0, (now() - min(late_since)).total_seconds()) if late_since else 0.0,
        last_sent_at=db.session.scalar(last_sent),
        last_error=db.session.scalar(troubled),
        worker_seen_at=job_locks.last_acquired(job_locks.DELIVERY),
    )
    db.session.rollback()  # End the read.
    return found


def recent_latencies() -> dict[str, float]:
    """Return the quantiles 0.5, 0.95 and 1 of the seconds that recent mails took; nothing if there were none."""
    times = select(OutboxEntry.created_at, OutboxEntry.sent_at).where(is_sent, OutboxEntry.sent_at > now() - RECENT)
    newest = db.session.execute(times.order_by(OutboxEntry.sent_at.desc()).limit(MAX_RECENT)).all()
    db.session.rollback()
    spans = sorted((sent_at - created_at).total_seconds() for created_at, sent_at in newest if sent_at)
    return {str(q): spans[min(len(spans) - 1, int(len(spans) * q))] for q in (0.5, 0.95, 1)} if spans else {}
