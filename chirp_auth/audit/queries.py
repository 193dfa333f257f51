"""History: searching the audit trail, and following one request through it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, or_, select

from chirp_auth import audit
from chirp_auth.extensions import db
from chirp_auth.formatting import counted
from chirp_auth.models import OutboxEntry, PasswordResetToken, SecurityEvent, User

AROUND = timedelta(minutes=5)
LIMITED = ("too many mails",)
TOLD_BY_THE_MAIL = tuple(
    f"{mail}.withheld" for mail in ("password_reset", "email_verification", "address_change", "existing_account")
)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that became of a request; nobody wrote down when a mail was parked."""

    at: datetime | None
    step: str
    detail: str


def search(
    limit: int | None = None,
    *,
    user: User | None = None,
    email_key: str | None = None,
    kind: str | None = None,
    outcome: str | None = None,
    since: datetime | None = None,
) -> Iterator[SecurityEvent]:
    """Yield events, newest first.

    Args:
        user: only theirs, with the attempts on their address.
        email_key: only attempts on the address of this lookup form, whether or not it has an account.
        kind: the kind, or its beginning: `session` finds `session.signed_in`.
    """
    wanted = select(SecurityEvent).order_by(SecurityEvent.id.desc())
    if user:
        digests = audit.digests(user.email_key)
        attempts = SecurityEvent.user_id.is_(None) & SecurityEvent.email_digest.in_(digests)
        wanted = wanted.where(or_(SecurityEvent.user_id == user.id, attempts))
    if email_key:
        wanted = wanted.where(SecurityEvent.email_digest.in_(audit.digests(email_key)))
    if kind:
        wanted = wanted.where(SecurityEvent.kind.startswith(kind, autoescape=True))
    if outcome:
        wanted = wanted.where(SecurityEvent.outcome == outcome)
    if since:
        wanted = wanted.where(SecurityEvent.at >= since)
    return _stream(wanted.limit(limit) if limit else wanted)


def since(event_id: int) -> Iterator[SecurityEvent]:
    """Yield the events after this one, oldest first."""
    return _stream(select(SecurityEvent).where(SecurityEvent.id > event_id).order_by(SecurityEvent.id))


def newest(limit: int) -> list[SecurityEvent]:
    """Return the last events, oldest first."""
    return list(search(limit))[::-1]


def waiting_mails(user: User) -> list[OutboxEntry]:
    """Return the user's mails that were not sent yet."""
    unsent = select(OutboxEntry).where(OutboxEntry.user_id == user.id, OutboxEntry.sent_at.is_(None))
    return list(db.session.scalars(unsent.order_by(OutboxEntry.created_at)))


def trace(reference: str) -> list[Step]:
    """Return what became of the request with this reference; nothing if it left no trace.

    First what it did at once, then each of its mails with what came of it, in order.
    """
    events = list(
        db.session.scalars(select(SecurityEvent).where(SecurityEvent.reference == reference).order_by(SecurityEvent.id))
    )
    steps = [_said(event) for event in events if event.kind not in TOLD_BY_THE_MAIL]
    steps.sort(key=lambda step: step.step != "accepted")
    for entry in _entries(reference, events):
        steps += _mailed(entry)
    return steps


def _said(event: SecurityEvent) -> Step:
    if event.kind.endswith(".requested") and event.outcome == "ok":
        return Step(event.at, "accepted", event.kind)
    if event.kind.startswith("limit."):
        return Step(event.at, "limited", str((event.detail or {}).get("limit", "")))
    return Step(event.at, event.kind, event.outcome)


def _entries(reference: str, events: list[SecurityEvent]) -> list[OutboxEntry]:
    """Return the mails that the request promised; they were put in the same moment as its events."""
    if not events:
        return []
    first, last = events[0].at - AROUND, events[-1].at + AROUND
    found = db.session.scalars(
        select(OutboxEntry)
        .where(
            OutboxEntry.created_at.between(first, last),
            OutboxEntry.params["reference"].as_string() == reference,
        )
        .order_by(OutboxEntry.created_at)
    )
    return list(found)


def _mailed(entry: OutboxEntry) -> Iterator[Step]:
    yield Step(entry.created_at, "queued", f"{entry.kind} {entry.id}")
    if entry.due_at:
        tried = f"next try; tried {counted(entry.attempts, 'time')}"
        said = f"{tried}; {entry.last_error}" if entry.last_error else tried
        yield Step(max(entry.due_at, entry.created_at), "waiting", said)
    elif entry.sent_at is None:
        yield Step(None, "parked", entry.last_error or "")
    elif entry.last_error:
        step = "limited" if entry.last_error in LIMITED else entry.last_error
        yield Step(entry.sent_at, step, "no mail was sent")
    else:
        yield Step(entry.sent_at, "sent", entry.kind)
    link = db.session.get(PasswordResetToken, entry.id)
    if link:
        yield from (Step(*each) for each in sorted(_linked(link)))


def _linked(link: PasswordResetToken) -> Iterator[tuple[datetime, str, str]]:
    opened = select(SecurityEvent).where(
        SecurityEvent.user_id == link.user_id,
        SecurityEvent.kind == "password_reset.opened",
        SecurityEvent.at >= link.created_at,
    )
    for event in db.session.scalars(opened.order_by(SecurityEvent.id)):
        if (event.detail or {}).get("link") == str(link.id):
            yield event.at, "opened", event.face
    if link.used_at:
        yield link.used_at, "used", "the password was changed"
    elif link.revoked_at:
        yield link.revoked_at, "void", "replaced by a newer link or a change of the account, or voided by an operator"
    else:
        yield link.expires_at, "expires", "the link's end"


def _stream(wanted: Select[Any]) -> Iterator[SecurityEvent]:
    yield from db.session.scalars(wanted.execution_options(yield_per=500))
