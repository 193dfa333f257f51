"""Revocation: end all sessions and links of a user with one number.

Sessions, refresh tokens and links carry the `credential_version` under which they were issued. Raising it, in the same
transaction as the change that requires it, revokes them all at once.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import update

from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.models import PasswordResetToken, Session, User
from chirp_auth.security.client import device_in_words


def change_credentials(user: User, *, keep: UUID | None = None, **values: Any) -> list[str] | None:
    """Write `values` to the user, raise the version, end all sessions but `keep`, and void all links.

    Returns:
        The devices, in words, of the sessions that ended; None if the version is no longer the one we read. Then
        another change was first, nothing was written, and the caller must refuse.
    """
    raising = (
        update(User)
        .where(User.id == user.id, User.credential_version == user.credential_version)
        .values(credential_version=User.credential_version + 1, updated_at=now(), **values)
        .returning(User.id)
    )
    if db.session.scalar(raising) is None:
        return None
    is_alive = (Session.user_id == user.id, Session.revoked_at.is_(None), Session.expires_at > now())
    if keep:
        db.session.execute(
            update(Session)
            .where(*is_alive, Session.id == keep, Session.credential_version == user.credential_version)
            .values(credential_version=user.credential_version + 1)
        )
    ending = (
        update(Session)
        .where(*is_alive, Session.credential_version <= user.credential_version)
        .values(revoked_at=now())
        .returning(Session.user_agent)
    )
    ended_devices = [device_in_words(user_agent) for user_agent in db.session.scalars(ending)]
    revoke_links(user.id)
    return ended_devices


def revoke_links(*user_ids: UUID) -> None:
    """Revoke every unused reset link of the users."""
    db.session.execute(
        update(PasswordResetToken)
        .where(
            PasswordResetToken.user_id.in_(user_ids),
            PasswordResetToken.used_at.is_(None),
            PasswordResetToken.revoked_at.is_(None),
        )
        .values(revoked_at=now())
    )
