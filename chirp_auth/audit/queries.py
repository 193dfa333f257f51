"""Queries of the audit trail."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select

from chirp_auth import audit
from chirp_auth.extensions import db
from chirp_auth.models import SecurityEvent, User

MAX_PAGE = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a user's events, newest first, and where the next page begins; None after the last."""

    events: Sequence[SecurityEvent]
    next: int | None


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
    query = select(SecurityEvent).order_by(SecurityEvent.id.desc())
    if user:
        digests = audit.digests(user.email_key)
        attempts = SecurityEvent.user_id.is_(None) & SecurityEvent.email_digest.in_(digests)
        query = query.where(or_(SecurityEvent.user_id == user.id, attempts))
    if email_key:
        query = query.where(SecurityEvent.email_digest.in_(audit.digests(email_key)))
    if kind:
        query = query.where(SecurityEvent.kind.startswith(kind, autoescape=True))
    if outcome:
        query = query.where(SecurityEvent.outcome == outcome)
    if since:
        query = query.where(SecurityEvent.at >= since)
    return _stream(query.limit(limit) if limit else query)


def since(event_id: int) -> Iterator[SecurityEvent]:
    """Yield the events after this one, oldest first."""
    return _stream(select(SecurityEvent).where(SecurityEvent.id > event_id).order_by(SecurityEvent.id))


def newest(limit: int) -> list[SecurityEvent]:
    """Return the last events, oldest first."""
    return list(search(limit))[::-1]


def page_of(user: User, limit: int, before: int | None = None) -> Page:
    """Return up to `limit` of the user's own events; `before` is the `next` of the previous page."""
    query = select(SecurityEvent).where(SecurityEvent.user_id == user.id).order_by(SecurityEvent.id.desc())
    if before is not None:
        query = query.where(SecurityEvent.id < before)
    rows = db.session.scalars(query.limit(limit + 1)).all()
    events = rows[:limit]
    return Page(events, events[-1].id if len(rows) > limit else None)


def _stream(query: Select[Any]) -> Iterator[SecurityEvent]:
    yield from db.session.scalars(query.execution_options(yield_per=500))
