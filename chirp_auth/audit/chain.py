"""The chain over the audit trail: seals that tell afterwards which event was changed, removed or slipped in.

A seal names its events one by one, not by a range: on PostgreSQL a row may become visible after one with a
higher id, and then simply comes into a later seal. Each seal holds the digest of the one before, the running count,
and a code made with the audit key, so that whoever can write to the database alone cannot make a new chain. The code
of a seal vouches for all seals before it too, so that they need no key that was changed long ago; therefore a seal is
only built on one that still holds.
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
    """The last seal does not hold, so that no other may be built on it. The text says why."""


def seal_batch(*, opens_chapter: bool = False) -> AuditSeal | None:
    """Add a seal over up to 500 unsealed events to the transaction and return it; None if there is nothing to seal.

    Of two workers that try at once one gets None: the number of a seal is taken once. One that `opens_chapter`
    is built on whatever is there, and vouches for nothing before it.

    Raises:
        BrokenChain: the last seal, or one of its events, is not as it was.
    """
    # The last seal is read before the events: whoever seals them meanwhile takes the number that follows it.
    # It stays locked against a purge, so that its events are still there when they are looked at.
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
    """Check what the next seal would be built on.

    Raises:
        BrokenChain: it does not hold.
    """
    if noted := heads.missing_from(last, anchor):
        raise BrokenChain(noted)
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
    """Return the last seal, and the anchor that stands for seals that were cleaned up."""
    last = db.session.scalar(select(AuditSeal).order_by(AuditSeal.number.desc()).limit(1))
    return last, db.session.scalar(select(AuditAnchor))


def follows(seal: AuditSeal, anchor: AuditAnchor | None) -> bool:
    """Say whether the trail may begin with this seal: the very first, or the one after those that were cleaned up."""
    if anchor is None:
        return seal.number == 1 and seal.previous == seals.BEGINNING
    return seals.is_genuine_anchor(anchor) and (seal.number, seal.previous) == (anchor.number + 1, anchor.digest)


def set_anchor(former: AuditAnchor | None, number: int, digest: str, total: int) -> None:
    """Let the trail begin after the seal of this number, by a code of the present key."""
    if former:
        db.session.delete(former)
        db.session.flush()
    if number:
        db.session.add(seals.anchor_after(number, digest, total))


def _keep_beginning(last: AuditSeal | None, anchor: AuditAnchor | None, *, opens_chapter: bool) -> None:
    """Let the beginning be vouched for by the present key.

    A chain of format 1 says nothing of what was cleaned up before its first seal: it is taken as it is, once, by
    the first seal of format 2. So it is where an operator opens a chapter.
    """
    first = db.session.scalar(select(AuditSeal).order_by(AuditSeal.number).limit(1))
    if anchor and (seals.is_genuine_anchor(anchor) if not opens_chapter else first is None):
        seals.sign_anchor(anchor)  # The key that signed it may leave the fallbacks before the next purge.
    elif first and (opens_chapter or (last and last.format == seals.FIRST_FORMAT)):
        set_anchor(anchor, first.number - 1, first.previous, max(0, first.total - len(first.members)))
