"""The hashes of passwords that were replaced lately: a reset refuses them."""

import sqlalchemy as sa
from alembic import op

from chirp_auth.runtime.schema_changes import add_column, create_index

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    add_column("users", sa.Column("former_password_hashes", sa.JSON()))
    create_index("ix_users_former_passwords", "users", ["password_changed_at"], "former_password_hashes IS NOT NULL")


def downgrade() -> None:
    op.drop_index("ix_users_former_passwords", "users")
    op.drop_column("users", "former_password_hashes")
