"""Erasure: events carry a salted digest of their client, over which they are sealed from here on.

Older events stay as they are, under the seals that they have.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("security_events", sa.Column("client_salt", sa.String(32)))
    op.add_column("security_events", sa.Column("client_digest", sa.String(64)))


def downgrade() -> None:
    op.drop_column("security_events", "client_digest")
    op.drop_column("security_events", "client_salt")
