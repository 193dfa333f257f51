"""A code beside the reset link: which browser or app it is good for, and how often it was mistyped."""

import sqlalchemy as sa
from alembic import op

from chirp_auth.runtime.schema_changes import add_column

revision = "0015"
down_revision = "0012"


def upgrade() -> None:
    add_column("password_reset_tokens", sa.Column("code_challenge", sa.String(43)))
    add_column("password_reset_tokens", sa.Column("code_tries", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("password_reset_tokens", "code_tries")
    op.drop_column("password_reset_tokens", "code_challenge")
