"""Indexes for what operators look for: accounts by status, events by address and by IP address."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

INDEXES = (
    ("ix_users_locked", "users", ["created_at", "id"], "disabled_at IS NOT NULL"),
    ("ix_users_unverified", "users", ["created_at", "id"], "disabled_at IS NULL AND email_verified_at IS NULL"),
    ("ix_security_events_email_digest", "security_events", ["email_digest", "id"], "email_digest IS NOT NULL"),
    ("ix_security_events_ip", "security_events", ["ip", "id"], "ip IS NOT NULL"),
)


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        for name, table, columns, condition in INDEXES:
            op.create_index(name, table, columns, sqlite_where=sa.text(condition))
        return
    with op.get_context().autocommit_block():  # Concurrently: writers go on meanwhile.
        for name, table, columns, condition in INDEXES:
            # One that was interrupted leaves an index behind that is not valid.
            op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
            op.create_index(name, table, columns, postgresql_where=sa.text(condition), postgresql_concurrently=True)


def downgrade() -> None:
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table)
