"""Refreshing: a new access token for a spent refresh token, and what a stolen one betrays.

Each refresh token can be spent once (RFC 9700, 4.14.2). A client that asks twice, because an answer got lost,
gets the same successor for a few seconds. Whoever spends one later than that holds a copy: the session ends.
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
    """Spend a refresh token and return its session, whose present rotation is the successor.

    Raises:
        Unauthenticated: not one of ours, its session has ended, or it was spent before: then the session ends.
    """
    session_id, rotation = tokens.read_refresh(token)
    session = sessions.find(session_id)
    if session is None:
        raise SessionEnded
    rotated = _run(session, Session.rotation == rotation, rotation=rotation + 1, rotated_at=now(), last_seen_at=now())
    if session.revoked_at:  # by somebody else since we found it: no sign of a stolen token
        db.session.rollback()
        raise SessionEnded
    if not rotated and not _is_repeat(session, rotation):
        _run(session, revoked_at=now())
        audit.record("session.refresh_reused", client, outcome="ended", user_id=session.user_id)
        db.session.commit()
        raise RefreshReused
    db.session.commit()
    return session


def _is_repeat(session: Session, rotation: int) -> bool:
    """Say whether the token was spent a moment ago: two requests at once, or an answer that got lost."""
    if session.rotation != rotation + 1 or session.rotated_at is None:
        return False
    return now() - session.rotated_at <= GRACE


def _run(session: Session, *which: ColumnElement[bool], **values: Any) -> bool:
    """Update the session's row where it lives and `which` holds, and read the row as it is after that.

    Raises:
        SessionEnded: there is no such row any more: a change of password gave it a new id, or its user is gone.
    """
    changing = update(Session).where(Session.id == session.id, Session.revoked_at.is_(None), *which).values(**values)
    changed = db.session.scalar(changing.returning(Session.id)) is not None
    if db.session.get(Session, session.id, populate_existing=True) is None:
        db.session.rollback()
        raise SessionEnded
    return changed
