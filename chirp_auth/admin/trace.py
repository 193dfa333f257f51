"""Following one request through the audit trail, the outbox and the links."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from chirp_auth.extensions import db
from chirp_auth.formatting import counted
from chirp_auth.models import OutboxEntry, PasswordResetToken, SecurityEvent

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
