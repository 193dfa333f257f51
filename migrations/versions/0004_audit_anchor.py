"""Seals that count, name their time, and begin at an anchor; what is not sealed yet is found without the rest."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("audit_seals", sa.Column("format", sa.Integer(), server_default="1", nullable=False))
    op.add_column("audit_seals", sa.Column("total", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("audit_seals", sa.Column("opens_chapter", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "audit_anchors",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_anchors"),
    )
    op.drop_index("ix_security_events_seal", "security_events")
    _create_partial_index("ix_security_events_seal", "seal", "seal IS NOT NULL")
    _create_partial_index("ix_security_events_unsealed", "id", "seal IS NULL")


def downgrade() -> None:
    op.drop_index("ix_security_events_unsealed", "security_events")
    op.drop_index("ix_security_events_seal", "security_events")
    op.create_index("ix_security_events_seal", "security_events", ["seal"])
    op.drop_table("audit_anchors")
    for column in ("opens_chapter", "total", "format"):
        op.drop_column("audit_seals", column)


def _create_partial_index(name: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "security_events", [column], sqlite_where=where, postgresql_where=where)
