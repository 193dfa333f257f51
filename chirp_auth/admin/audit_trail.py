"""The audit trail as a whole. The worker seals it in small steps, so that no request waits for it.

Old events are deleted from its beginning, a whole seal at a time: what remains still verifies.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import ColumnElement, delete, func, select

from chirp_auth import audit
from chirp_auth.accounts import reset_requests
from chirp_auth.audit import chain, heads, verification
from chirp_auth.audit.vocabulary import Kind, Outcome
from chirp_auth.clock import now
from chirp_auth.extensions import db, settings
from chirp_auth.mail import job_locks, outbox
from chirp_auth.models import AuditAnchor, AuditSeal, SecurityEvent
from chirp_auth.security.client import Client

SEALING_SECONDS = 0.25  # A round: mail goes out between rounds, however many events wait.
ALIVE = timedelta(minutes=1)

log = structlog.get_logger("audit")


def note(kind: Kind, client: Client, outcome: Outcome = "ok", **detail: Any) -> None:
    """Record an event on its own and commit, where no change of an account goes with it."""
    audit.record(kind, client, outcome=outcome, **detail)
    db.session.commit()


def seal_some_events() -> None:
    """Seal a batch of unsealed events, and more for a quarter of a second while no mail is due."""
    latest = time.monotonic() + SEALING_SECONDS
    _seal_until(lambda: time.monotonic() >= latest or outbox.is_due())


def seal_events() -> None:
    """Seal all that is unsealed, a batch to a transaction."""
    _seal_until(lambda: False)


def open_chapter(client: Client) -> int:
    """Continue a trail whose end is broken; return the number of the seal that says so.

    For an operator who knows why: the key is lost, or whoever changed the trail was found. The act is recorded, and
    what was wrong before stays a problem.
    """
    audit.record("audit.chapter_opened", client, reason=flaw())
    seal = None
    while seal is None:  # Another worker may take the number first.
        if (seal := chain.seal_batch(opens_chapter=True)) is None:
            audit.record("audit.chapter_opened", client)
    db.session.commit()
    heads.note(seal)
    return seal.number


def flaw() -> str | None:
    """Return why no seal can follow the last one; None if one can."""
    try:
        chain.check_end(*chain.end_of())
    except chain.BrokenChain as broken:
        return str(broken)
    return None


def verify(
    on_progress: Callable[[int], None] = lambda _events: None, noted_in: Path | None = None
) -> verification.Report:
    """Check the sealed events and change nothing.

    Args:
        on_progress: gets the number of events just checked.
        noted_in: a file of noted heads; AUDIT_HEAD_FILE by default, if it exists.

    Raises:
        OSError, ValueError: the file cannot be read, or is another.
    """
    if noted_in is None and settings.audit_head_file and settings.audit_head_file.exists():
        noted_in = settings.audit_head_file
    report = verification.verify(on_progress, heads.read(noted_in) if noted_in else ())
    if waiting := _unsealed_while_a_worker_lives():
        report.suspicions.append(
            f"A worker is alive, but events from 5 minutes ago or before are not sealed ({waiting}): "
            "sealing is refused, or far behind."
        )
    db.session.commit()
    return report


def count_unsealed() -> int:
    """Return how many events are not sealed yet."""
    return _count(SecurityEvent.seal.is_(None))


def count_sealed() -> int:
    """Return how many events `verify` has to check, for its progress."""
    return _count(SecurityEvent.seal.is_not(None))


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
    """Delete the first seal of the trail with its events, if all of them are old; return how many events.

    The anchor vouches for the new beginning, unless nothing vouched for the old one: that stays a problem.
    """
    first = db.session.scalar(select(AuditSeal).order_by(AuditSeal.number).limit(1).with_for_update())
    covered = SecurityEvent.seal == (first.number if first else None)
    if first is None or db.session.scalar(select(SecurityEvent.id).where(covered, ~is_old).limit(1)):
        db.session.commit()
        return 0
    anchor = db.session.scalar(select(AuditAnchor))
    if chain.follows(first, anchor):
        chain.set_anchor(anchor, first.number, first.digest, first.total)
    sealed_events: Any = db.session.execute(
        delete(SecurityEvent).where(covered), execution_options={"synchronize_session": False}
    )
    db.session.execute(delete(AuditSeal).where(AuditSeal.number == first.number))
    db.session.commit()
    return int(sealed_events.rowcount)


def _seal_until(is_over: Callable[[], bool]) -> None:
    """Seal until `is_over` after a batch.

    Requests come first whose events are still to be written: a seal lets nothing older follow.
    """
    while reset_requests.record_waiting(chain.BATCH) == chain.BATCH:
        db.session.commit()
        if is_over():
            return
    db.session.commit()
    try:
        while True:
            seal = chain.seal_batch()
            events = len(seal.members) if seal else 0
            db.session.commit()
            if seal:
                heads.note(seal)
            if events < chain.BATCH or is_over():
                return
    except chain.BrokenChain as broken:
        db.session.rollback()
        log.error("audit trail broken: nothing is sealed", reason=str(broken))


def _unsealed_while_a_worker_lives() -> int:
    last = job_locks.last_acquired(job_locks.DELIVERY)
    if last is None or now() - last > ALIVE:
        return 0
    return _count(SecurityEvent.seal.is_(None), SecurityEvent.at < now() - verification.MARGIN)


def _count(*which: ColumnElement[bool]) -> int:
    return db.session.scalar(select(func.count()).select_from(SecurityEvent).where(*which)) or 0
