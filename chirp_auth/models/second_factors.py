"""What a person proves to be somebody with beside the password: authenticator app, recovery codes, passkeys."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import JSON, BigInteger, ForeignKey, LargeBinary, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chirp_auth.clock import now
from chirp_auth.extensions import Model
from chirp_auth.models.columns import MAX_USER_AGENT_CHARACTERS, UtcDateTime, partial_index
from chirp_auth.models.users import User

MAX_PASSKEY_NAME_CHARACTERS = 60
MAX_CREDENTIAL_ID_BYTES = 1023  # WebAuthn Level 3, 4, Credential ID.


class AuthenticatorApp(Model):
    """The authenticator app of a user; without `confirmed_at` it is being set up and asked for nowhere.

    `secret` is sealed (see `security.sealing`). `last_step` is the time step of the last code: none counts twice.
    Wrong codes count here, like wrong passwords with the account: whoever knows neither password nor mailbox cannot.
    """

    __tablename__ = "authenticator_apps"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    sign_in_blocked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RecoveryCode(Model):
    """One of the codes that stand in for a lost authenticator app, each good once. `digest` is sealed."""

    __tablename__ = "recovery_codes"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    digest: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Passkey(Model):
    """A passkey of a user (WebAuthn Level 3): the public half, and what its authenticator said last.

    `is_synced` is the backup state: whether the passkey is kept in more than one device.
    """

    __tablename__ = "passkeys"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(MAX_CREDENTIAL_ID_BYTES), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger, default=0)
    transports: Mapped[list[str]] = mapped_column(JSON, default=list)
    aaguid: Mapped[UUID] = mapped_column(Uuid)
    name: Mapped[str] = mapped_column(String(MAX_PASSKEY_NAME_CHARACTERS))
    may_sync: Mapped[bool]
    is_synced: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class SpentChallenge(Model):
    """A challenge that was answered: a signed challenge is good once (WebAuthn Level 3, 13.4.3)."""

    __tablename__ = "spent_challenges"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    spent_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)


class FactorRecovery(Model):
    """A delayed recovery: the second factors are off from `due_at` on, unless it is cancelled before.

    It is open while none of `cancelled_at` and `done_at` is set; a user has one open at most. It dies with the user's
    credential version. `told_at` is when the owner was last told.
    """

    __tablename__ = "factor_recoveries"
    __table_args__ = (partial_index("ix_factor_recoveries_open", "due_at", "cancelled_at IS NULL AND done_at IS NULL"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    credential_version: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    told_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ip: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(String(MAX_USER_AGENT_CHARACTERS))

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
