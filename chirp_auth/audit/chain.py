"""The hash chain over the audit trail: seals that show afterwards which event was changed, removed or inserted.

A seal lists its events one by one, not as a range: on PostgreSQL a row may become visible after one with a higher id,
and then goes into a later seal. Each seal contains the previous seal's digest, the running count, and a MAC under the
audit key, so that write access to the database is not enough to forge a chain. Each MAC covers the previous digest
too, so that older seals stay verifiable after their key was rotated out. Therefore a seal is only added to a chain
whose end is intact.
"""

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from chirp_auth.audit import erasure, heads, seals
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.models import AuditAnchor, AuditSeal, SecurityEvent

BATCH = 500

log = structlog.get_logger("audit")


class BrokenChain(Exception):
    """The end of the chain is not intact, so that no seal may be added. The text says why."""


def seal_batch(*, opens_chapter: bool = False) -> AuditSeal | None:
    """Add a seal over up to BATCH unsealed events to the transaction and return it; None if there is nothing to seal.

    Of two workers at once one gets None: a seal's number is unique. A seal that `opens_chapter` is added whatever the
    end of the chain is like, and proves nothing of what is before it.

    Raises:
        BrokenChain: the last seal, or one of its events, was changed.
    """
    # Read the last seal before the events: a concurrent worker that seals them takes the number that follows it.
    # Lock it against a purge, so that its events still exist when they are checked.
    last = db.session.scalar(select(AuditSeal).order_by(AuditSeal.number.desc()).limit(1).with_for_update(read=True))
    anchor = db.session.scalar(select(AuditAnchor))
    unsealed = select(SecurityEvent).where(SecurityEvent.seal.is_(None)).order_by(SecurityEvent.id).limit(BATCH)
    events = list(db.session.scalars(unsealed))
    if not events and not opens_chapter:
        return None
    if not opens_chapter:
        check_end(last, anchor)
    _keep_beginning(last, anchor, opens_chapter=opens_chapter)
    for event in events:
        erasure.salt(event)
    end = last or anchor
    seal = AuditSeal(
        number=end.number + 1 if end else 1,
        format=seals.FORMAT,
        sealed_at=now(),
        members={str(event.id): seals.digest_of(event) for event in events},
        previous=end.digest if end else seals.BEGINNING,
        total=(end.total if end else 0) + len(events),
        opens_chapter=opens_chapter,
    )
    seals.sign(seal)
    db.session.add(seal)
    try:
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        return None
    marking = update(SecurityEvent).where(SecurityEvent.id.in_([event.id for event in events]))
    db.session.execute(marking.values(seal=seal.number))
    return seal


def check_end(last: AuditSeal | None, anchor: AuditAnchor | None) -> None:
    """Check the end of the chain, to which the next seal would be added.

    Raises:
        BrokenChain: it is not intact.
    """
    if problem := heads.missing_from(last, anchor):
        raise BrokenChain(problem)
    if last is None:
        if anchor and not seals.is_genuine_anchor(anchor):
            raise BrokenChain("The beginning of the trail bears no code of a configured key.")
        return
    if not seals.is_genuine(last):
        raise BrokenChain(f"Seal {last.number} bears no code of a configured key.")
    if last.digest != seals.digest_of_seal(last):
        raise BrokenChain(f"Seal {last.number} was changed.")
    if flaws := seals.flaws_in_events(last):
        raise BrokenChain(flaws[0])


def end_of() -> tuple[AuditSeal | None, AuditAnchor | None]:
    """Return the last seal, and the anchor that stands for purged seals."""
    last = db.session.scalar(select(AuditSeal).order_by(AuditSeal.number.desc()).limit(1))
    return last, db.session.scalar(select(AuditAnchor))


def follows(seal: AuditSeal, anchor: AuditAnchor | None) -> bool:
    """Say whether the trail may begin with this seal: the first of all, or the first after the purged ones."""
    if anchor is None:
        return seal.number == 1 and seal.previous == seals.BEGINNING
    return seals.is_genuine_anchor(anchor) and (seal.number, seal.previous) == (anchor.number + 1, anchor.digest)


def set_anchor(former: AuditAnchor | None, number: int, digest: str, total: int) -> None:
    """Let the trail begin after the seal of this number, with a MAC under the present key."""
    if former:
        db.session.delete(former)
        db.session.flush()
    if number:
        db.session.add(seals.anchor_after(number, digest, total))


def _keep_beginning(last: AuditSeal | None, anchor: AuditAnchor | None, *, opens_chapter: bool) -> None:
    """Sign the beginning of the trail with the present key.

    A chain of format 1 does not say which seals were purged before its first one. The first seal of format 2 accepts
    its beginning as it is, once. So does a seal that opens a chapter.
    """
    first = db.session.scalar(select(AuditSeal).order_by(AuditSeal.number).limit(1))
    if anchor and (seals.is_genuine_anchor(anchor) if not opens_chapter else first is None):
        seals.sign_anchor(anchor)  # Its key may be removed from the fallbacks before the next purge.
    elif first and (opens_chapter or (last and last.format == seals.FIRST_FORMAT)):
        set_anchor(anchor, first.number - 1, first.previous, max(0, first.total - len(first.members)))
