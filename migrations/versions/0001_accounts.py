"""Accounts: users, their sessions and reset links, the outbox and the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_users()
    _create_sessions()
    _create_password_reset_tokens()
    _create_outbox()
    _create_security_events()


def downgrade() -> None:
    for table in ("security_events", "outbox", "password_reset_tokens", "sessions", "users"):
        op.drop_table(table)


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("email_key", sa.String(508), nullable=False),
        sa.Column("email_verified_at", Moment),
        sa.Column("first_name", sa.String(100)),
        sa.Column("last_name", sa.String(100)),
        sa.Column("phone_number", sa.String(20)),
        sa.Column("password_hash", sa.String(100)),
        sa.Column("password_changed_at", Moment),
        sa.Column("credential_version", sa.Integer(), nullable=False),
        sa.Column("failed_sign_ins", sa.Integer(), nullable=False),
        sa.Column("sign_in_blocked_until", Moment),
        sa.Column("password_reset_requested_at", Moment),
        sa.Column("password_reset_at", Moment),
        sa.Column("password_reset_count", sa.Integer(), nullable=False),
        sa.Column("disabled_at", Moment),
        sa.Column("last_sign_in_at", Moment),
        sa.Column("locale", sa.String(20)),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email_key", name="uq_users_email_key"),
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("face", sa.String(20), nullable=False),
        sa.Column("credential_version", sa.Integer(), nullable=False),
        sa.Column("rotation", sa.Integer(), nullable=False),
        sa.Column("rotated_at", Moment),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("last_seen_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("ip", sa.String(45)),
        sa.Column("user_agent", sa.String(300)),
        sa.Column("revoked_at", Moment),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_sessions_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])


def _create_password_reset_tokens() -> None:
    op.create_table(
        "password_reset_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("credential_version", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("used_at", Moment),
        sa.Column("revoked_at", Moment),
        sa.Column("requested_ip", sa.String(45)),
        sa.Column("requested_user_agent", sa.String(300)),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_password_reset_tokens_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_password_reset_tokens"),
    )
    op.create_index("ix_password_reset_tokens_user_id", "password_reset_tokens", ["user_id"])
    op.create_index("ix_password_reset_tokens_expires_at", "password_reset_tokens", ["expires_at"])


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("recipient", sa.String(254), nullable=False),
        sa.Column("user_id", sa.Uuid()),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("message_id", sa.String(320), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("due_at", Moment),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_at", Moment),
        sa.Column("last_error", sa.Text()),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_outbox_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sqlite_with_rowid=False,
    )
    _index_where_set("outbox", "due_at")
    _index_where_set("outbox", "user_id")


def _create_security_events() -> None:
    op.create_table(
        "security_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("kind", sa.String(60), nullable=False),
        sa.Column("user_id", sa.Uuid()),
        sa.Column("email_digest", sa.String(64)),
        sa.Column("ip", sa.String(45)),
        sa.Column("user_agent", sa.String(300)),
        sa.Column("face", sa.String(20), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("reference", sa.String(40)),
        sa.Column("actor", sa.String(100)),
        sa.Column("detail", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_security_events"),
    )
    op.create_index("ix_security_events_at", "security_events", ["at"])
    _index_where_set("security_events", "user_id")
    op.create_index("ix_security_events_reference", "security_events", ["reference"])


def _index_where_set(table: str, column: str) -> None:
    condition = sa.text(f"{column} IS NOT NULL")
    op.create_index(f"ix_{table}_{column}", table, [column], sqlite_where=condition, postgresql_where=condition)
