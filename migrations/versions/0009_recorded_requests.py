"""Whether the audit trail has an outbox entry's cause: for a reset request the worker writes the event.

Releases before this one record the event with the request; so their rows count as recorded.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("is_recorded", sa.Boolean(), nullable=False, server_default=sa.true()))
    where = sa.text("NOT is_recorded")
    op.create_index("ix_outbox_unrecorded", "outbox", ["id"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index("ix_outbox_unrecorded", "outbox")
    op.drop_column("outbox", "is_recorded")
