"""When the owner of an account asked for its deletion."""

import sqlalchemy as sa
from alembic import op

from chirp_auth.runtime.schema_changes import add_column, create_index

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    add_column("users", sa.Column("deletion_requested_at", sa.DateTime(timezone=True)))
    condition = "deletion_requested_at IS NOT NULL"
    create_index("ix_users_deletion_requested_at", "users", ["deletion_requested_at"], condition)


def downgrade() -> None:
    op.drop_index("ix_users_deletion_requested_at", "users")
    op.drop_column("users", "deletion_requested_at")
