"""The hashes of passwords that were replaced lately: a reset refuses them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("users", sa.Column("former_password_hashes", sa.JSON()))
    where = sa.text("former_password_hashes IS NOT NULL")
    op.create_index(
        "ix_users_former_passwords", "users", ["password_changed_at"], sqlite_where=where, postgresql_where=where
    )


def downgrade() -> None:
    op.drop_index("ix_users_former_passwords", "users")
    op.drop_column("users", "former_password_hashes")
