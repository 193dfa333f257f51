"""Credentials: the one number that ends everything.

Sessions, refresh tokens and links remember the `credential_version` they were made under. Raising it, in the
same transaction as the change that asks for it, ends them all at once.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, update

from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.models import PasswordResetToken, Session, User
from chirp_auth.security.client import device_in_words


def change_credentials(user: User, *, keep: UUID | None = None, **values: Any) -> list[str] | None:
    """Write `values` to the user, raise the version, end all sessions but `keep`, and void all links.

    Returns:
        The devices, in words, of the other sessions it ended; None if the version is no longer the one we read:
        somebody else was first, nothing was written, and the caller must refuse.
    """
    raised = _run(
        update(User)
        .where(User.id == user.id, User.credential_version == user.credential_version)
        .values(credential_version=User.credential_version + 1, updated_at=now(), **values)
    )
    if not raised:
        return None
    living = (Session.user_id == user.id, Session.revoked_at.is_(None), Session.expires_at > now())
    if keep:
        _run(
            update(Session)
            .where(*living, Session.id == keep, Session.credential_version == user.credential_version)
            .values(credential_version=user.credential_version + 1)
        )
    ending = (
        update(Session)
        .where(*living, Session.credential_version <= user.credential_version)
        .values(revoked_at=now())
        .returning(Session.user_agent)
    )
    ended = db.session.scalars(ending, execution_options={"synchronize_session": False})
    places = [device_in_words(user_agent) for user_agent in ended]
    revoke_links(user.id)
    return places


def revoke_links(user_id: UUID) -> None:
    """Void every reset link of the user that is still open."""
    _run(
        update(PasswordResetToken)
        .where(
            PasswordResetToken.user_id == user_id,
            PasswordResetToken.used_at.is_(None),
            PasswordResetToken.revoked_at.is_(None),
        )
        .values(revoked_at=now())
    )


def _run(statement: Any) -> int:
    result = db.session.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)  # noqa: S101 - an UPDATE always gives one
    return int(result.rowcount)
