"""People with accounts, and changes of their addresses."""

from datetime import datetime
from uuid import UUID, uuid4

from flask_login import UserMixin
from sqlalchemy import JSON, ForeignKey, Index, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chirp_auth.clock import now
from chirp_auth.extensions import Model
from chirp_auth.models.columns import MAX_EMAIL_CHARACTERS, MAX_NAME_CHARACTERS, UtcDateTime, partial_index, where_set


class User(Model, UserMixin):  # type: ignore[misc]  # Flask-Login has no types
    """A person with an account. `credential_version` rises with any change of password, address or state.

    `confirm_before` is set until a registered account is confirmed; at that time it is deleted. `deletion_requested_at`
    is when its owner asked for its deletion: seven days later it is deleted. An account that only this disables has
    the same moment in `disabled_at`; another one there is an operator's. `locale` is the language last used, in which
    mails are written.
    """

    __tablename__ = "users"
    __table_args__ = (
        Index("ix_users_created_at", "created_at", "id"),
        partial_index("ix_users_locked", "created_at id", "disabled_at IS NOT NULL"),
        partial_index("ix_users_unverified", "created_at id", "disabled_at IS NULL AND email_verified_at IS NULL"),
        where_set("confirm_before"),
        where_set("deletion_requested_at"),
        partial_index("ix_users_former_passwords", "password_changed_at", "former_password_hashes IS NOT NULL"),
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
    deletion_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    locale: Mapped[str | None] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)

    @property
    def display_name(self) -> str:
        """First and last name; without names the part of the address before the @."""
        return " ".join(name for name in (self.first_name, self.last_name) if name) or self.email.partition("@")[0]


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
