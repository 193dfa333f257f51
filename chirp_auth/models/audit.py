"""The audit trail, and the hash chain over it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, String, Uuid, false
from sqlalchemy.orm import Mapped, mapped_column

from chirp_auth.clock import now
from chirp_auth.extensions import Model
from chirp_auth.models.columns import MAX_USER_AGENT_CHARACTERS, BigId, UtcDateTime, partial_index, where_set


class SecurityEvent(Model):
    """An audit event of an account: who, what, when, from where, by which face, with which outcome.

    An erasure removes `ip`, `user_agent` and `client_salt`; `client_digest`, which the seal covers, stays.
    """

    __tablename__ = "security_events"
    __table_args__ = (
        where_set("user_id"),
        partial_index("ix_security_events_email_digest", "email_digest id", "email_digest IS NOT NULL"),
        partial_index("ix_security_events_ip", "ip id", "ip IS NOT NULL"),
        where_set("seal"),
        partial_index("ix_security_events_unsealed", "id", "seal IS NULL"),
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
