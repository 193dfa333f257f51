"""Queries of the audit trail."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, union

from chirp_auth import audit, rows
from chirp_auth.audit import erasure
from chirp_auth.extensions import db
from chirp_auth.models import SecurityEvent, User

MAX_PAGE = 100

Subject = Sequence[ColumnElement[bool]]  # An event belongs to it where one of these holds; an index serves each.


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a user's events, newest first, and where the next page begins; None after the last."""

    events: Sequence[SecurityEvent]
    next: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """Which events to find; None is no condition.

    `kind` is a kind, or its beginning: `session` finds `session.signed_in`. `until` is exclusive. `before` is an
    event's id: only older ones are found.
    """

    kind: str | None = None
    outcome: str | None = None
    ip: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        if self.kind:
            yield SecurityEvent.kind.startswith(self.kind, autoescape=True)
        if self.outcome:
            yield SecurityEvent.outcome == self.outcome
        if self.ip:
            yield SecurityEvent.ip == self.ip
        if self.since:
            yield SecurityEvent.at >= self.since
        if self.until:
            yield SecurityEvent.at < self.until
        if self.before is not None:
            yield SecurityEvent.id < self.before


def search(
    limit: int | None = None, *, criteria: Criteria = Criteria(), subject: Subject = ()
) -> Iterator[SecurityEvent]:
    """Yield events, newest first: those of the subject, or all, that meet the criteria."""
    conditions = list(criteria.conditions())
    query = select(SecurityEvent).order_by(SecurityEvent.id.desc())
    if subject:
        query = query.where(SecurityEvent.id.in_(_newest(limit, conditions, subject)))
    else:
        query = query.where(*conditions)
    return rows.of(query, limit)


def subject_of_user(user: User) -> Subject:
    """Return what is theirs: their events, and the attempts on their address."""
    attempts = SecurityEvent.user_id.is_(None) & SecurityEvent.email_digest.in_(audit.digests(user.email_key))
    return [SecurityEvent.user_id == user.id, attempts]


def subject_of_deleted(user_id: UUID) -> Subject:
    """Return what is of a user who was deleted, with the attempts on their addresses until then.

    It is empty if no event names that user.
    """
    theirs = SecurityEvent.user_id == user_id
    if db.session.scalar(select(SecurityEvent.id).where(theirs).limit(1)) is None:
        return []
    deletions = select(SecurityEvent).where(theirs, SecurityEvent.kind == erasure.DELETED)
    deletion = db.session.scalar(deletions.order_by(SecurityEvent.id.desc()).limit(1))
    digests = (deletion.detail or {}).get(erasure.ADDRESS_DIGESTS) if deletion else None
    if deletion is None or not digests:
        return [theirs]
    attempts = SecurityEvent.user_id.is_(None) & SecurityEvent.email_digest.in_(digests)
    return [theirs, attempts & (SecurityEvent.id < deletion.id)]


def subject_of_address(email_key: str, holder: User | None) -> Subject:
    """Return what happened to an address, whether or not it has an account, with all that its holder did."""
    named = SecurityEvent.email_digest.in_(audit.digests(email_key))
    return [named, SecurityEvent.user_id == holder.id] if holder else [named]


def since(event_id: int) -> Iterator[SecurityEvent]:
    """Yield the events after this one, oldest first."""
    return rows.of(select(SecurityEvent).where(SecurityEvent.id > event_id).order_by(SecurityEvent.id))


def newest(limit: int) -> list[SecurityEvent]:
    """Return the last events, oldest first."""
    return list(search(limit))[::-1]


def page_of(user: User, limit: int, before: int | None = None) -> Page:
    """Return up to `limit` of the user's own events; `before` is the `next` of the previous page."""
    query = select(SecurityEvent).where(SecurityEvent.user_id == user.id).order_by(SecurityEvent.id.desc())
    if before is not None:
        query = query.where(SecurityEvent.id < before)
    found = db.session.scalars(query.limit(limit + 1)).all()
    events = found[:limit]
    return Page(events, events[-1].id if len(found) > limit else None)


def _newest(limit: int | None, conditions: Sequence[ColumnElement[bool]], subject: Subject) -> Any:
    """Return a query for the ids of the subject's newest events, by an index of its own for each of its parts.

    One condition with OR, sorted by id, may make the database walk over all events from the newest on.
    """
    parts = [
        select(SecurityEvent.id).where(part, *conditions).order_by(SecurityEvent.id.desc()).limit(limit).subquery()
        for part in subject
    ]
    return union(*(select(part.c.id) for part in parts)) if len(parts) > 1 else select(parts[0].c.id)
