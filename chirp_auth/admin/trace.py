"""Following one request through the audit trail, the outbox and the links."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import false, or_, select

from chirp_auth.accounts import reset_requests
from chirp_auth.extensions import db
from chirp_auth.formatting import counted
from chirp_auth.models import OutboxEntry, PasswordResetToken, SecurityEvent

AROUND = timedelta(minutes=5)
LIMITED = ("too many mails",)
SHOWN_BY_THE_MAIL = tuple(
    f"{mail}.withheld" for mail in ("password_reset", "email_verification", "address_change", "existing_account")
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a request. The time at which a mail was parked is not recorded."""

    at: datetime | None
    step: str
    detail: str


def trace(reference: str) -> list[Step]:
    """Return the steps of the request with this reference; none if nothing is recorded.

    First what it did at once, then each of its mails and what happened to it, in order.
    """
    events = list(
        db.session.scalars(select(SecurityEvent).where(SecurityEvent.reference == reference).order_by(SecurityEvent.id))
    )
    steps = [_step_of(event) for event in events if event.kind not in SHOWN_BY_THE_MAIL]
    entries = _entries(reference, events)
    steps += [Step(entry.created_at, "accepted", reset_requests.KIND) for entry in entries if not entry.is_recorded]
    steps.sort(key=lambda step: step.step != "accepted")
    for entry in entries:
        steps += _steps_of_mail(entry)
    return steps


def _step_of(event: SecurityEvent) -> Step:
    if event.kind.endswith(".requested") and event.outcome == "ok":
        return Step(event.at, "accepted", event.kind)
    if event.kind.startswith("limit."):
        return Step(event.at, "limited", str((event.detail or {}).get("limit", "")))
    return Step(event.at, event.kind, event.outcome)


def _entries(reference: str, events: list[SecurityEvent]) -> list[OutboxEntry]:
    """Return the mails of the request. They were added together with its events, if it has any yet."""
    around = OutboxEntry.created_at.between(events[0].at - AROUND, events[-1].at + AROUND) if events else false()
    same_request = OutboxEntry.params["reference"].as_string() == reference
    query = select(OutboxEntry).where(or_(~OutboxEntry.is_recorded, around), same_request)
    return list(db.session.scalars(query.order_by(OutboxEntry.created_at)))


def _steps_of_mail(entry: OutboxEntry) -> Iterator[Step]:
    yield Step(entry.created_at, "queued", f"{entry.kind} {entry.id}")
    if entry.due_at:
        detail = f"next try; tried {counted(entry.attempts, 'time')}"
        if entry.last_error:
            detail += f"; {entry.last_error}"
        yield Step(max(entry.due_at, entry.created_at), "waiting", detail)
    elif entry.sent_at is None:
        yield Step(None, "parked", entry.last_error or "")
    elif entry.last_error:
        step = "limited" if entry.last_error in LIMITED else entry.last_error
        yield Step(entry.sent_at, step, "no mail was sent")
    else:
        yield Step(entry.sent_at, "sent", entry.kind)
    link = db.session.get(PasswordResetToken, entry.id)
    if link:
        yield from (Step(*each) for each in sorted(_steps_of_link(link)))


def _steps_of_link(link: PasswordResetToken) -> Iterator[tuple[datetime, str, str]]:
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
