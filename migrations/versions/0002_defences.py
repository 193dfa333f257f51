"""Defences: known devices, changes of address, and the seals of the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_known_devices()
    _create_address_changes()
    _create_audit_seals()
    op.add_column("security_events", sa.Column("seal", sa.Integer()))
    op.create_index("ix_security_events_seal", "security_events", ["seal"])


def downgrade() -> None:
    op.drop_index("ix_security_events_seal", "security_events")
    op.drop_column("security_events", "seal")
    for table in ("audit_seals", "address_changes", "known_devices"):
        op.drop_table(table)


def _create_known_devices() -> None:
    op.create_table(
        "known_devices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("credential_version", sa.Integer(), nullable=False),
        sa.Column("failed_sign_ins", sa.Integer(), nullable=False),
        sa.Column("sign_in_blocked_until", Moment),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("last_used_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_known_devices_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_known_devices"),
    )
    op.create_index("ix_known_devices_user_id", "known_devices", ["user_id"])
    op.create_index("ix_known_devices_last_used_at", "known_devices", ["last_used_at"])


def _create_address_changes() -> None:
    op.create_table(
        "address_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("credential_version", sa.Integer(), nullable=False),
        sa.Column("old_email", sa.String(254), nullable=False),
        sa.Column("old_email_key", sa.String(508), nullable=False),
        sa.Column("new_email", sa.String(254), nullable=False),
        sa.Column("new_email_key", sa.String(508), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("confirmed_at", Moment),
        sa.Column("undone_at", Moment),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_address_changes_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_address_changes"),
    )
    op.create_index("ix_address_changes_user_id", "address_changes", ["user_id"])
    op.create_index("ix_address_changes_created_at", "address_changes", ["created_at"])


def _create_audit_seals() -> None:
    op.create_table(
        "audit_seals",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed_at", Moment, nullable=False),
        sa.Column("members", sa.JSON(), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("mac", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_seals"),
    )
