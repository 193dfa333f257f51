"""Whether the audit trail has an outbox entry's cause: for a reset request the worker writes the event.

Releases before this one record the event with the request; so their rows count as recorded.
"""

import sqlalchemy as sa
from alembic import op

from chirp_auth.runtime.schema_changes import add_column, create_index

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    add_column("outbox", sa.Column("is_recorded", sa.Boolean(), nullable=False, server_default=sa.true()))
    create_index("ix_outbox_unrecorded", "outbox", ["id"], "NOT is_recorded")


def downgrade() -> None:
    op.drop_index("ix_outbox_unrecorded", "outbox")
    op.drop_column("outbox", "is_recorded")
