"""Refresh tokens: rotation, and detection of a stolen one.

Each refresh token can be used once (RFC 9700, 4.14.2). A client that repeats the request within GRACE, because a
response got lost, gets the same successor. A later use means that somebody holds a copy: the session ends.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, update

from chirp_auth import audit
from chirp_auth.accounts import sessions
from chirp_auth.clock import now
from chirp_auth.errors import RefreshReused, SessionEnded
from chirp_auth.extensions import db
from chirp_auth.models import Session
from chirp_auth.security import tokens
from chirp_auth.security.client import Client

GRACE = timedelta(seconds=10)


def refresh(token: str, client: Client) -> Session:
    """Use up a refresh token and return its session, whose present rotation is the successor.

    Raises:
        Unauthenticated: not one of ours, its session has ended, or it was used before: then the session ends.
    """
    session_id, rotation = tokens.read_refresh(token)
    session = sessions.find(session_id)
    if session is None:
        raise SessionEnded
    rotated = _update(
        session, Session.rotation == rotation, rotation=rotation + 1, rotated_at=now(), last_seen_at=now()
    )
    if session.revoked_at:  # It was ended since we read it: no sign of a stolen token.
        db.session.rollback()
        raise SessionEnded
    if not rotated and not _is_repeat(session, rotation):
        _update(session, revoked_at=now())
        audit.record("session.refresh_reused", client, outcome="ended", user_id=session.user_id)
        db.session.commit()
        raise RefreshReused
    db.session.commit()
    return session


def _is_repeat(session: Session, rotation: int) -> bool:
    """Say whether the token was used within GRACE: by a concurrent request, or because a response got lost."""
    if session.rotation != rotation + 1 or session.rotated_at is None:
        return False
    return now() - session.rotated_at <= GRACE


def _update(session: Session, *conditions: ColumnElement[bool], **values: Any) -> bool:
    """Update the session's row if it is alive and the conditions hold, then read it again; say whether it changed.

    Raises:
        SessionEnded: the row does not exist: a change of password gave it a new id, or its user was deleted.
    """
    is_alive = (Session.id == session.id, Session.revoked_at.is_(None))
    changing = update(Session).where(*is_alive, *conditions).values(**values)
    changed = db.session.scalar(changing.returning(Session.id)) is not None
    if db.session.get(Session, session.id, populate_existing=True) is None:
        db.session.rollback()
        raise SessionEnded
    return changed
