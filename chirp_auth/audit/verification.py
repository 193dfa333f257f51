"""Verification of the audit trail: recompute the whole chain and report what does not fit. Changes nothing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select

from chirp_auth.audit import chain, erasure, seals
from chirp_auth.audit.heads import Head
from chirp_auth.audit.seals import BEGINNING
from chirp_auth.extensions import db
from chirp_auth.models import AuditSeal, SecurityEvent, Session

MARGIN = timedelta(minutes=5)  # Between an event's time and its commit, and between the clocks of two machines.
MOST_NAMED = 20


@dataclass(slots=True)
class Report:
    """The result: a sentence for each of `problems`, which are certain, and `suspicions`, which may have another cause.

    `number`, `total` and `head` are those of the last seal, to be noted elsewhere.
    """

    seals: int = 0
    events: int = 0
    unsealed: int = 0
    first: int | None = None
    number: int = 0
    total: int = 0
    head: str = BEGINNING
    problems: list[str] = field(default_factory=list)
    suspicions: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Walk:
    """The state that is carried from seal to seal."""

    report: Report
    noted: dict[int, Head]
    format: int = seals.FIRST_FORMAT
    own_key_seen: bool = False
    doubtful: list[int] = field(default_factory=list)
    erasures: erasure.Erasures = field(default_factory=erasure.Erasures)
    all_sealed_until: datetime | None = None  # Every earlier event is in a seal that was checked already.


def verify(on_progress: Callable[[int], None] = lambda _events: None, noted: Iterable[Head] = ()) -> Report:
    """Recompute the chain and compare it with noted heads. `on_progress` gets each seal's number of events."""
    walk = _Walk(Report(unsealed=_count_unsealed()), {head.number: head for head in noted})
    report = walk.report
    _check_beginning(walk)
    for seal in _seals():
        _check_seal(seal, walk)
        report.seals += 1
        report.events += len(seal.members)
        report.number, report.total, report.head = seal.number, seal.total, seal.digest
        on_progress(len(seal.members))
    _report_doubtful(walk)
    _check_strays(walk)
    report.problems += [
        f"Seal {head.number} is gone, which was noted as the head at {head.at}." for head in walk.noted.values()
    ]
    return report


def _check_beginning(walk: _Walk) -> None:
    report, (last, anchor) = walk.report, chain.end_of()
    first = next(_seals(), None)
    if anchor:
        report.number, report.total, report.head = anchor.number, anchor.total, anchor.digest
        if not seals.is_genuine_anchor(anchor):
            report.problems.append("The beginning bears no code of a configured key: forged, or of a lost key.")
        walk.noted = {number: head for number, head in walk.noted.items() if number > anchor.number}
    if first is None:
        return
    report.first = first.number
    # Before AUDIT_KEY the beginning of a chain was not signed; the first seal of the present format signs it.
    is_older_chain = anchor is None and last is not None and last.format == seals.FIRST_FORMAT
    if is_older_chain:
        report.number, report.head = first.number - 1, first.previous
    elif not chain.follows(first, anchor):
        report.problems.append(f"The trail begins with seal {first.number}, and nothing vouches for that beginning.")
        report.number, report.head = first.number - 1, first.previous
    if first.number == 1 and first.format == seals.FORMAT:
        _suspect_late_beginning(first, report)


def _suspect_late_beginning(first: AuditSeal, report: Report) -> None:
    """Deleting everything leaves a trail that looks new, and usually traces elsewhere."""
    lowest = min(map(int, first.members), default=1)
    if lowest > 1:
        report.suspicions.append(f"The trail begins with event {lowest}: those before it are gone, or never were.")
    first_event_at = db.session.scalar(select(func.min(SecurityEvent.at)).where(SecurityEvent.seal == 1))
    first_session_at = db.session.scalar(select(func.min(Session.created_at)))
    if first_event_at and first_session_at and first_session_at < first_event_at - MARGIN:
        report.suspicions.append("People signed in before the trail begins: what was before is gone.")


def _check_seal(seal: AuditSeal, walk: _Walk) -> None:
    report = walk.report
    count = len(report.problems)
    if seal.number != report.number + 1:
        report.problems.append(f"Seal {report.number + 1} is missing before seal {seal.number}.")
    elif seal.previous != report.head:
        report.problems.append(f"Seal {seal.number} does not follow from the seal before it.")
    if seal.digest != seals.digest_of_seal(seal):
        report.problems.append(f"Seal {seal.number} was changed.")
    if seal.format < walk.format:
        report.problems.append(f"Seal {seal.number} has an older format than the seal before it.")
    elif seal.format == seals.FORMAT and seal.total != report.total + len(seal.members):
        report.problems.append(f"Seal {seal.number} counts {seal.total} events: some before it are missing.")
    head = walk.noted.pop(seal.number, None)
    if head and head.digest != seal.digest:
        report.problems.append(f"Seal {seal.number} is not the one that was noted as the head at {head.at}.")
    _check_code(seal, walk, fits=len(report.problems) == count)
    report.problems += seals.flaws_in_events(seal, walk.erasures)
    db.session.expunge_all()
    _check_times(seal, walk)
    walk.format = seal.format


def _check_code(seal: AuditSeal, walk: _Walk, *, fits: bool) -> None:
    if seal.opens_chapter:
        _report_doubtful(walk)
        walk.own_key_seen = False
    has_own_key = seals.has_own_key(seal)
    if not seals.is_genuine(seal):
        walk.doubtful.append(seal.number)
    elif walk.own_key_seen and not has_own_key:
        walk.report.problems.append(f"Seal {seal.number} bears a code of SECRET_KEY, although AUDIT_KEY was in use.")
    elif fits:
        walk.doubtful.clear()
    walk.own_key_seen |= has_own_key


def _report_doubtful(walk: _Walk) -> None:
    walk.report.problems += [
        f"Seal {number} bears no code of a configured key, nor does one after it: forged, or of a lost key."
        for number in walk.doubtful
    ]
    walk.doubtful = []


def _check_times(seal: AuditSeal, walk: _Walk) -> None:
    """Suspect later events: a seal that is not full contains every event until then, less MARGIN."""
    if seal.format == seals.FIRST_FORMAT:
        return
    if walk.all_sealed_until:
        late = (SecurityEvent.seal == seal.number, SecurityEvent.at < walk.all_sealed_until)
        for event_id in db.session.scalars(select(SecurityEvent.id).where(*late).order_by(SecurityEvent.id)):
            walk.report.suspicions.append(
                f"Event {event_id} is older than the seal before it by more than 5 minutes: back-dated, or slow."
            )
    if len(seal.members) < chain.BATCH:
        walk.all_sealed_until = seal.sealed_at - MARGIN


def _check_strays(walk: _Walk) -> None:
    has_no_seal = SecurityEvent.seal.not_in(select(AuditSeal.number))
    strays = db.session.scalars(select(SecurityEvent.id).where(SecurityEvent.seal.is_not(None), has_no_seal))
    walk.report.problems += [f"Event {event_id} names a seal that does not exist." for event_id in strays]
    if walk.all_sealed_until:
        late = select(SecurityEvent.id).where(SecurityEvent.seal.is_(None), SecurityEvent.at < walk.all_sealed_until)
        walk.report.suspicions += [
            f"Event {event_id} is not sealed and older than the last seal by more than 5 minutes: back-dated, or slow."
            for event_id in db.session.scalars(late.order_by(SecurityEvent.id).limit(MOST_NAMED))
        ]


def _seals() -> Iterator[AuditSeal]:
    number = -(2**31)
    while seal := db.session.scalar(
        select(AuditSeal).where(AuditSeal.number > number).order_by(AuditSeal.number).limit(1)
    ):
        yield seal
        number = seal.number


def _count_unsealed() -> int:
    unsealed = select(func.count()).select_from(SecurityEvent).where(SecurityEvent.seal.is_(None))
    return db.session.scalar(unsealed) or 0
