"""What the caps for each mailbox count: to whom a mail may go, and since when."""

import sqlalchemy as sa
from alembic import op

from chirp_auth.runtime.schema_changes import add_column, create_index

revision = "0007"
down_revision = "0006"

# What strangers could cause before there were these columns. An old mailbox whose domain is not in ASCII is
# not found under its lookup form: for a day it may get more.
OLD_KINDS = ("reset_link", "email_verification", "address_change", "existing_account")


def upgrade() -> None:
    add_column("outbox", sa.Column("recipient_key", sa.String(508), nullable=True))
    add_column("outbox", sa.Column("allowed_at", sa.DateTime(timezone=True), nullable=True))
    outbox = sa.table(
        "outbox",
        *(sa.column(name) for name in ("kind", "recipient", "recipient_key", "allowed_at", "sent_at", "last_error")),
    )
    op.execute(
        sa.update(outbox)
        .where(outbox.c.kind.in_(OLD_KINDS), outbox.c.sent_at.is_not(None), outbox.c.last_error.is_(None))
        .values(recipient_key=sa.func.lower(outbox.c.recipient), allowed_at=outbox.c.sent_at)
    )
    create_index("ix_outbox_recipient_key", "outbox", ["recipient_key"], "recipient_key IS NOT NULL")


def downgrade() -> None:
    op.drop_index("ix_outbox_recipient_key", "outbox")
    op.drop_column("outbox", "allowed_at")
    op.drop_column("outbox", "recipient_key")
