"""The tables: columns and small properties, no flows."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from flask_login import UserMixin
from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    TypeDecorator,
    Uuid,
    false,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chirp_auth.clock import now
from chirp_auth.extensions import Model

MAX_EMAIL_CHARACTERS = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets.
MAX_NAME_CHARACTERS = 100
MAX_USER_AGENT_CHARACTERS = 300

BigId = BigInteger().with_variant(Integer(), "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC, on SQLite too, where the column itself knows no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _where_set(column: str) -> Index:
    """Return an index of the rows where this column is set: other rows cost no index write."""
    return _partial_index(None, column, f"{column} IS NOT NULL")


def _partial_index(name: str | None, column: str, condition: str) -> Index:
    return Index(name, column, sqlite_where=text(condition), postgresql_where=text(condition))


class User(Model, UserMixin):  # type: ignore[misc]  # Flask-Login has no types
    """A person with an account. `credential_version` rises with any change of password, address or state.

    `confirm_before` is set until a registered account is confirmed; at that time it is deleted. `locale` is for the
    second language, and not used yet.
    """

    __tablename__ = "users"
    __table_args__ = (
        Index("ix_users_created_at", "created_at", "id"),
        _where_set("confirm_before"),
        _partial_index("ix_users_former_passwords", "password_changed_at", "former_password_hashes IS NOT NULL"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4)
    email: Mapped[str] = mapped_column(String(MAX_EMAIL_CHARACTERS))
    email_key: Mapped[str] = mapped_column(String(MAX_EMAIL_CHARACTERS * 2), unique=True)
    email_verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    confirm_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_name: Mapped[str | None] = mapped_column(String(MAX_NAME_CHARACTERS))
    last_name: Mapped[str | None] = mapped_column(String(MAX_NAME_CHARACTERS))
    phone_number: Mapped[str | None] = mapped_column(String(20))
    password_hash: Mapped[str | None] = mapped_column(String(100))
    former_password_hashes: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    password_changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    credential_version: Mapped[int] = mapped_column(default=1)
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    sign_in_blocked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    password_reset_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    password_reset_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    password_reset_count: Mapped[int] = mapped_column(default=0)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    locale: Mapped[str | None] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)

    @property
    def display_name(self) -> str:
        """First and last name; without names the part of the address before the @."""
        return " ".join(name for name in (self.first_name, self.last_name) if name) or self.email.partition("@")[0]


class Session(Model):
    """A session of a user. A browser's cookie and an API token are signed references to it."""

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
    ip: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(String(MAX_USER_AGENT_CHARACTERS))
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class PasswordResetToken(Model):
    """The row that a reset link refers to by its id. The row alone is not enough to use it."""

    __tablename__ = "password_reset_tokens"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    credential_version: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    requested_ip: Mapped[str | None] = mapped_column(String(45))
    requested_user_agent: Mapped[str | None] = mapped_column(String(MAX_USER_AGENT_CHARACTERS))

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class OutboxEntry(Model):
    """A promised mail. `due_at` is lease, retry time and park in one: an entry without it is closed or parked.

    Closed: `sent_at` is set. Parked for an operator: neither `due_at` nor `sent_at`. `params` never contains a secret.
    `recipient_key` is the mailbox's lookup form, set with `allowed_at` when `mail_caps` allows the mail.
    `is_recorded` says that the audit trail has the entry's cause; a reset request's follows later.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        _where_set("due_at"),
        _where_set("user_id"),
        _where_set("sent_at"),
        _where_set("recipient_key"),
        _partial_index("ix_outbox_parked", "created_at", "due_at IS NULL AND sent_at IS NULL"),
        _partial_index("ix_outbox_unrecorded", "id", "NOT is_recorded"),
        {"sqlite_with_rowid": False},  # WITHOUT ROWID: one B-tree instead of two, one page less per insert.
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4)
    kind: Mapped[str] = mapped_column(String(40))
    recipient: Mapped[str] = mapped_column(String(MAX_EMAIL_CHARACTERS))
    recipient_key: Mapped[str | None] = mapped_column(String(MAX_EMAIL_CHARACTERS * 2))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    params: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    message_id: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    allowed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(Text)
    is_recorded: Mapped[bool] = mapped_column(default=True, server_default=true())


class JobLock(Model):
    """The lock of a periodic job. Of all workers, the one that raises `begun_at` runs the job."""

    __tablename__ = "duties"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SecurityEvent(Model):
    """An audit event of an account: who, what, when, from where, by which face, with which outcome.

    An erasure removes `ip`, `user_agent` and `client_salt`; `client_digest`, which the seal covers, stays.
    """

    __tablename__ = "security_events"
    __table_args__ = (
        _where_set("user_id"),
        _where_set("seal"),
        _partial_index("ix_security_events_unsealed", "id", "seal IS NULL"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    kind: Mapped[str] = mapped_column(String(60))
    user_id: Mapped[UUID | None] = mapped_column(Uuid)
    email_digest: Mapped[str | None] = mapped_column(String(64))
    ip: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(String(MAX_USER_AGENT_CHARACTERS))
    client_salt: Mapped[str | None] = mapped_column(String(32))
    client_digest: Mapped[str | None] = mapped_column(String(64))
    face: Mapped[str] = mapped_column(String(20))
    outcome: Mapped[str] = mapped_column(String(40))
    reference: Mapped[str | None] = mapped_column(String(40), index=True)
    actor: Mapped[str | None] = mapped_column(String(100))
    detail: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    seal: Mapped[int | None]


class AuditSeal(Model):
    """A link of the hash chain over the audit trail: `members` are the digests of its events, by id.

    `total` is the running count of events, from the first seal of this format on.
    """

    __tablename__ = "audit_seals"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    format: Mapped[int] = mapped_column(default=1, server_default="1")
    total: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    opens_chapter: Mapped[bool] = mapped_column(default=False, server_default=false())
    sealed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    members: Mapped[dict[str, str]] = mapped_column(JSON)
    previous: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    mac: Mapped[str] = mapped_column(String(64))


class AuditAnchor(Model):
    """The beginning of the audit trail, one row at most: the last purged seal, signed with the audit key."""

    __tablename__ = "audit_anchors"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(String(64))
    total: Mapped[int] = mapped_column(BigInteger)
    mac: Mapped[str] = mapped_column(String(64))


class KnownDevice(Model):
    """A browser in which a user has signed in. Its failed sign-ins count here, all others with the account."""

    __tablename__ = "known_devices"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    credential_version: Mapped[int]
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    sign_in_blocked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)


class AddressChange(Model):
    """A change of address: without effect until it is confirmed, and undoable for seven days after that.

    `old_email_verified_at` is set with the confirmation: since when the old address was confirmed.
    """

    __tablename__ = "address_changes"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    credential_version: Mapped[int]
    old_email: Mapped[str] = mapped_column(String(MAX_EMAIL_CHARACTERS))
    old_email_key: Mapped[str] = mapped_column(String(MAX_EMAIL_CHARACTERS * 2))
    new_email: Mapped[str] = mapped_column(String(MAX_EMAIL_CHARACTERS))
    new_email_key: Mapped[str] = mapped_column(String(MAX_EMAIL_CHARACTERS * 2))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    old_email_verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
