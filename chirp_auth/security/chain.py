"""The chain over the audit trail: seals that tell afterwards which event was changed, removed or slipped in.

A seal names its events one by one, not by a range: on PostgreSQL a row may become visible after one with a
higher id, and then simply comes into a later seal. Each seal holds the digest of the one before, and a code made
with the signing key (HMAC), so that whoever can write to the database alone cannot make a new chain. The code of
a seal vouches for all seals before it too, so that they need no key that was changed long ago.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from hmac import new as hmac

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from chirp_auth.extensions import db, settings
from chirp_auth.models import AuditSeal, SecurityEvent

BATCH = 500
BEGINNING = "0" * 64

log = structlog.get_logger("audit")


@dataclass(slots=True)
class Report:
    """What `verify` found. `problems` has a sentence for each; `head` is the last seal, to be noted elsewhere."""

    seals: int = 0
    events: int = 0
    unsealed: int = 0
    first: int | None = None
    head: str = BEGINNING
    problems: list[str] = field(default_factory=list)


def seal_batch() -> int:
    """Add a seal over up to 500 unsealed events to the transaction; return how many it covers.

    Of two workers that try at once one gets 0: the number of a seal is taken once.
    """
    # The last seal is read before the events: whoever seals them meanwhile takes the number that follows it.
    last = db.session.scalar(select(AuditSeal).order_by(AuditSeal.number.desc()).limit(1))
    unsealed = select(SecurityEvent).where(SecurityEvent.seal.is_(None)).order_by(SecurityEvent.id).limit(BATCH)
    events = list(db.session.scalars(unsealed))
    if not events:
        return 0
    number = last.number + 1 if last else 1
    members = {str(event.id): digest_of(event) for event in events}
    digest = _digest(number, last.digest if last else BEGINNING, members)
    db.session.add(
        AuditSeal(
            number=number,
            members=members,
            previous=last.digest if last else BEGINNING,
            digest=digest,
            mac=_mac(settings.secret_keys[-1], digest),
        )
    )
    try:
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        return 0
    marking = update(SecurityEvent).where(SecurityEvent.id.in_([int(event_id) for event_id in members]))
    db.session.execute(marking.values(seal=number), execution_options={"synchronize_session": False})
    log.info("audit sealed", seal=number, events=len(members), digest=digest)
    return len(members)


def verify(told: Callable[[int], None] = lambda _events: None) -> Report:
    """Recompute the whole chain and report what does not fit. Changes nothing; `told` learns of each seal's events."""
    report = Report(unsealed=_count_unsealed())
    doubtful: list[int] = []
    for seal in _seals():
        if report.first is None:
            report.first, report.head = seal.number, seal.previous
        is_genuine = any(compare_digest(seal.mac, _mac(key, seal.digest)) for key in settings.secret_keys)
        fits = _check_link(seal, report)
        if not is_genuine:
            doubtful.append(seal.number)
        elif fits:
            doubtful.clear()
        _check_members(seal, report)
        report.seals += 1
        report.events += len(seal.members)
        report.head = seal.digest
        told(len(seal.members))
    report.problems += [
        f"Seal {number} bears no code of a configured key, nor does one after it: forged, or of a lost key."
        for number in doubtful
    ]
    known = select(AuditSeal.number)
    strays = db.session.scalars(
        select(SecurityEvent.id).where(SecurityEvent.seal.is_not(None), SecurityEvent.seal.not_in(known))
    )
    report.problems += [f"Event {event_id} names a seal that does not exist." for event_id in strays]
    return report


def digest_of(event: SecurityEvent) -> str:
    """Return the digest of all that an event says."""
    says = [
        event.id,
        event.at.isoformat(timespec="microseconds"),
        event.kind,
        str(event.user_id) if event.user_id else None,
        event.email_digest,
        event.ip,
        event.user_agent,
        event.face,
        event.outcome,
        event.reference,
        event.actor,
        event.detail,
    ]
    return sha256(_canonical(says)).hexdigest()


def _check_link(seal: AuditSeal, report: Report) -> bool:
    """Say whether the seal is whole and follows from the one before."""
    problems = len(report.problems)
    expected = report.first + report.seals if report.first is not None else seal.number
    if seal.number != expected:
        report.problems.append(f"Seal {expected} is missing before seal {seal.number}.")
        report.first = seal.number - report.seals
    elif seal.previous != report.head:
        report.problems.append(f"Seal {seal.number} does not follow from the seal before it.")
    if seal.digest != _digest(seal.number, seal.previous, seal.members):
        report.problems.append(f"Seal {seal.number} was changed.")
    return len(report.problems) == problems


def _check_members(seal: AuditSeal, report: Report) -> None:
    found = {
        str(event.id): digest_of(event)
        for event in db.session.scalars(select(SecurityEvent).where(SecurityEvent.seal == seal.number))
    }
    db.session.expunge_all()
    for event_id, digest in seal.members.items():
        if event_id not in found:
            report.problems.append(f"Event {event_id} was removed (seal {seal.number}, {seal.sealed_at.isoformat()}).")
        elif found[event_id] != digest:
            report.problems.append(f"Event {event_id} was changed since seal {seal.number}.")
    for event_id in found.keys() - seal.members.keys():
        report.problems.append(f"Event {event_id} was slipped into seal {seal.number}.")


def _seals() -> Iterator[AuditSeal]:
    number = 0
    while seal := db.session.scalar(
        select(AuditSeal).where(AuditSeal.number > number).order_by(AuditSeal.number).limit(1)
    ):
        yield seal
        number = seal.number


def _count_unsealed() -> int:
    unsealed = select(func.count()).select_from(SecurityEvent).where(SecurityEvent.seal.is_(None))
    return db.session.scalar(unsealed) or 0


def _digest(number: int, previous: str, members: dict[str, str]) -> str:
    ordered = sorted(members.items(), key=lambda member: int(member[0]))
    return sha256(_canonical([number, previous, ordered])).hexdigest()


def _mac(key: str, digest: str) -> str:
    return hmac(key.encode(), b"audit-seal:" + digest.encode(), sha256).hexdigest()


def _canonical(says: object) -> bytes:
    return json.dumps(says, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
