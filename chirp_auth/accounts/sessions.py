"""Sessions: where a user is signed in, a row each. Ending one takes effect at once."""

from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, literal, or_, select, update

from chirp_auth import audit
from chirp_auth.clock import now
from chirp_auth.errors import Unauthenticated
from chirp_auth.extensions import db, settings
from chirp_auth.models import Session, User
from chirp_auth.security.client import Client

MAX_AGE = timedelta(days=30)  # NIST SP 800-63B-4, 2.1.3: sign in again after 30 days at the latest.
MAX_AGE_NOT_KEPT = timedelta(days=1)  # In a browser that is not asked to keep it, and may be a shared one.
MAX_IDLE = timedelta(days=14)
SEEN_EVERY = timedelta(minutes=1)  # A session's `last_seen_at` is written no more often than this.


def add(user: User, client: Client, max_age: timedelta = MAX_AGE, *, is_proved: bool = True) -> Session:
    """Add a new session to the transaction; it ends after `max_age` at the latest.

    It is not `is_proved` where less was shown than the account asks for: a trusted browser stood for the rest.
    """
    session = Session(
        user=user,
        face=client.face,
        credential_version=user.credential_version,
        expires_at=now() + max_age,
        proved_at=now() if is_proved else None,
        ip=client.ip,
        user_agent=client.user_agent,
    )
    db.session.add(session)
    return session


def find(session_id: UUID) -> Session | None:
    """Return the session if it is alive: not ended, too old or idle for too long, and its user unchanged."""
    session = db.session.scalar(select(Session).join(User).where(Session.id == session_id, *_is_alive()))
    if session and now() - session.last_seen_at > SEEN_EVERY:
        seen = update(Session).where(Session.id == session_id).values(last_seen_at=now())
        db.session.execute(seen, execution_options={"synchronize_session": "evaluate"})  # The page shows it.
        db.session.commit()
    return session


def living(user: User, current: Session | None = None) -> list[Session]:
    """Return the user's sessions that are alive, `current` first, then the most recently seen."""
    query = select(Session).join(User).where(Session.user_id == user.id, *_is_alive())
    rows = db.session.scalars(query.order_by(Session.last_seen_at.desc()))
    return sorted(rows, key=lambda session: current is None or session.id != current.id)


def renew(session: Session) -> Session:
    """Give the session a new id, in the caller's transaction (OWASP ASVS 5, V7.2.4).

    The cookie, the access tokens and the refresh token name the old id: every copy of them becomes invalid.

    Raises:
        Unauthenticated: the session ended meanwhile; the caller must roll back.
    """
    renewed_id = uuid4()
    renewing = update(Session).where(Session.id == session.id, Session.revoked_at.is_(None)).values(id=renewed_id)
    db.session.execute(renewing)
    query = select(Session).join(User).where(Session.id == renewed_id, *_is_alive())
    renewed: Session | None = db.session.scalar(query)
    if renewed is None:
        raise Unauthenticated
    db.session.expunge(session)
    return renewed


def spend(session: Session) -> None:
    """End the session in the caller's transaction, for the last thing that is done by it.

    Raises:
        Unauthenticated: it had ended; the caller must roll back.
    """
    if not _end(Session.id == session.id):
        raise Unauthenticated


def sign_out(session: Session, client: Client) -> None:
    """End this session."""
    _end(Session.id == session.id)
    audit.record("session.signed_out", client, user_id=session.user_id)
    db.session.commit()


def end(session_id: UUID, user: User, client: Client) -> bool:
    """End one of the user's sessions; say whether one with that id was alive."""
    ended = _end(Session.id == session_id, Session.user_id == user.id)
    audit.record("session.ended", client, user_id=user.id, outcome="ok" if ended else "not_found")
    db.session.commit()
    return bool(ended)


def end_others(current: Session, client: Client) -> int:
    """End all of the user's sessions but the current one; return how many."""
    ended = _end(Session.user_id == current.user_id, Session.id != current.id)
    audit.record("session.ended_others", client, user_id=current.user_id, ended=ended)
    db.session.commit()
    return ended


def _is_alive() -> tuple[ColumnElement[bool], ...]:
    return (
        Session.revoked_at.is_(None),
        Session.expires_at > now(),
        Session.last_seen_at > now() - MAX_IDLE,
        Session.credential_version == User.credential_version,
        User.disabled_at.is_(None),
        or_(User.email_verified_at.is_not(None), literal(not settings.conceal_accounts)),  # as in users.is_usable
    )


def _end(*conditions: ColumnElement[bool]) -> int:
    ending = update(Session).where(*conditions, Session.revoked_at.is_(None)).values(revoked_at=now())
    return len(db.session.scalars(ending.returning(Session.id)).all())
