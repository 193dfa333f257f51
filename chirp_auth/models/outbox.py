"""Promised mails, and the locks of the jobs of the worker that sends them."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, ForeignKey, String, Text, Uuid, true
from sqlalchemy.orm import Mapped, mapped_column

from chirp_auth.clock import now
from chirp_auth.extensions import Model
from chirp_auth.models.columns import MAX_EMAIL_CHARACTERS, UtcDateTime, partial_index, where_set


class OutboxEntry(Model):
    """A promised mail. `due_at` is lease, retry time and park in one: an entry without it is closed or parked.

    Closed: `sent_at` is set. Parked for an operator: neither `due_at` nor `sent_at`. `params` never contains a secret.
    `recipient_key` is the mailbox's lookup form, set with `allowed_at` when `mail_caps` allows the mail.
    `is_recorded` says that the audit trail has the entry's cause; a reset request's follows later.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        where_set("due_at"),
        where_set("user_id"),
        where_set("sent_at"),
        where_set("recipient_key"),
        partial_index("ix_outbox_parked", "created_at", "due_at IS NULL AND sent_at IS NULL"),
        partial_index("ix_outbox_unrecorded", "id", "NOT is_recorded"),
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
