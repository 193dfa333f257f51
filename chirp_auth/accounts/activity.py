"""Activity: what happened to a user's account, for the user's own eyes."""

from collections.abc import Sequence

from sqlalchemy import select

from chirp_auth.extensions import db
from chirp_auth.models import SecurityEvent, User

MOST = 100


def newest(user: User, limit: int, before: int | None = None) -> Sequence[SecurityEvent]:
    """Return up to `limit` of the user's events, newest first; `before` is the id where the last page ended."""
    wanted = select(SecurityEvent).where(SecurityEvent.user_id == user.id).order_by(SecurityEvent.id.desc())
    if before is not None:
        wanted = wanted.where(SecurityEvent.id < before)
    return db.session.scalars(wanted.limit(min(limit, MOST))).all()
