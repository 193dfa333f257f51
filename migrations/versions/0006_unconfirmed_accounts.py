"""Until when a registration has to be confirmed, and whether an address that was left had been confirmed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # Accounts from before keep no date: whether they came from a registration or an import cannot be told.
    op.add_column("users", sa.Column("confirm_before", sa.DateTime(timezone=True)))
    where = sa.text("confirm_before IS NOT NULL")
    op.create_index("ix_users_confirm_before", "users", ["confirm_before"], sqlite_where=where, postgresql_where=where)
    op.add_column("address_changes", sa.Column("old_email_verified_at", sa.DateTime(timezone=True)))
    # Addresses that are reserved now stay so for the rest of their seven days.
    op.execute("UPDATE address_changes SET old_email_verified_at = confirmed_at")


def downgrade() -> None:
    op.drop_column("address_changes", "old_email_verified_at")
    op.drop_index("ix_users_confirm_before", "users")
    op.drop_column("users", "confirm_before")
