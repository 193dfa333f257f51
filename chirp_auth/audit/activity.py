"""Activity: what happened to a user's account, for the user's own eyes."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from chirp_auth.extensions import db
from chirp_auth.models import SecurityEvent, User

MOST = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a user's events, newest first, and where the next page begins; None after the last."""

    events: Sequence[SecurityEvent]
    next: int | None


def newest(user: User, limit: int, before: int | None = None) -> Page:
    """Return up to `limit` of the user's events; `before` is the `next` of the page before."""
    wanted = select(SecurityEvent).where(SecurityEvent.user_id == user.id).order_by(SecurityEvent.id.desc())
    if before is not None:
        wanted = wanted.where(SecurityEvent.id < before)
    found = db.session.scalars(wanted.limit(limit + 1)).all()
    events = found[:limit]
    return Page(events, events[-1].id if len(found) > limit else None)
