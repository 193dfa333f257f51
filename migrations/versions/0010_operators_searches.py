"""Indexes for what operators look for: accounts by status, events by address and by IP address."""

from alembic import op

from chirp_auth.runtime import schema_changes

revision = "0010"
down_revision = "0009"

INDEXES = (
    ("ix_users_locked", "users", ["created_at", "id"], "disabled_at IS NOT NULL"),
    ("ix_users_unverified", "users", ["created_at", "id"], "disabled_at IS NULL AND email_verified_at IS NULL"),
    ("ix_security_events_email_digest", "security_events", ["email_digest", "id"], "email_digest IS NOT NULL"),
    ("ix_security_events_ip", "security_events", ["ip", "id"], "ip IS NOT NULL"),
)


def upgrade() -> None:
    for name, table, columns, condition in INDEXES:
        schema_changes.create_index(name, table, columns, condition)


def downgrade() -> None:
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table)
