"""Duties of workers, and the indexes that operators' questions need."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def upgrade() -> None:
    duties = op.create_table(
        "duties",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_duties"),
    )
    op.bulk_insert(duties, [{"name": name, "begun_at": LONG_AGO} for name in ("delivery", "clean_up")])
    op.create_index("ix_users_created_at", "users", ["created_at", "id"])
    _create_partial_index("ix_outbox_sent_at", "sent_at", "sent_at IS NOT NULL")
    _create_partial_index("ix_outbox_parked", "created_at", "due_at IS NULL AND sent_at IS NULL")


def downgrade() -> None:
    op.drop_index("ix_outbox_parked", "outbox")
    op.drop_index("ix_outbox_sent_at", "outbox")
    op.drop_index("ix_users_created_at", "users")
    op.drop_table("duties")


def _create_partial_index(name: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "outbox", [column], sqlite_where=where, postgresql_where=where)
