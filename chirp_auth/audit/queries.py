"""Queries of the audit trail."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select

from chirp_auth import audit
from chirp_auth.extensions import db
from chirp_auth.models import SecurityEvent, User


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


def _stream(wanted: Select[Any]) -> Iterator[SecurityEvent]:
    yield from db.session.scalars(wanted.execution_options(yield_per=500))
