"""What a person proves to be somebody with: sessions, reset links, known devices."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chirp_auth.clock import now
from chirp_auth.extensions import Model
from chirp_auth.models.columns import MAX_USER_AGENT_CHARACTERS, UtcDateTime
from chirp_auth.models.users import User


class Session(Model):
    """A session of a user. A browser's cookie and an API token are signed references to it.

    `proved_at` is when everything that the account asks for was last proved in it (see `accounts.policy`).
    """

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    face: Mapped[str] = mapped_column(String(20))
    credential_version: Mapped[int]
    rotation: Mapped[int] = mapped_column(default=0)
    rotated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    proved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ip: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(String(MAX_USER_AGENT_CHARACTERS))
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class PasswordResetToken(Model):
    """The row that a reset link refers to by its id. The row alone is not enough to use it.

    `code_challenge` is the digest of the secret of the browser or app for which the mail has a code, too.
    """

    __tablename__ = "password_reset_tokens"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    credential_version: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    code_challenge: Mapped[str | None] = mapped_column(String(43))
    code_tries: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    requested_ip: Mapped[str | None] = mapped_column(String(45))
    requested_user_agent: Mapped[str | None] = mapped_column(String(MAX_USER_AGENT_CHARACTERS))

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class KnownDevice(Model):
    """A browser in which a user has signed in. Its failed sign-ins count here, all others with the account.

    Until `trusted_until` a sign-in in it is not asked for the second factor.
    """

    __tablename__ = "known_devices"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    credential_version: Mapped[int]
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    sign_in_blocked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    trusted_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
