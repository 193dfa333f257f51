"""Second factors: authenticator apps, recovery codes, passkeys, delayed recoveries, and when a session was proved."""

import sqlalchemy as sa
from alembic import op

from chirp_auth.runtime.schema_changes import add_column, create_index

revision = "0016"
down_revision = "0015"

MOMENT = sa.DateTime(timezone=True)
OPEN = "cancelled_at IS NULL AND done_at IS NULL"


def upgrade() -> None:
    op.create_table(
        "authenticator_apps",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.String(200), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("confirmed_at", MOMENT),
        sa.Column("last_step", sa.BigInteger()),
        sa.Column("failed_sign_ins", sa.Integer(), nullable=False),
        sa.Column("sign_in_blocked_until", MOMENT),
        sa.Column("last_used_at", MOMENT),
        *_of_a_user("authenticator_apps", key="user_id"),
        if_not_exists=True,
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(200), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT),
        *_of_a_user("recovery_codes"),
        if_not_exists=True,
    )
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(1023), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("transports", sa.JSON(), nullable=False),
        sa.Column("aaguid", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("may_sync", sa.Boolean(), nullable=False),
        sa.Column("is_synced", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_used_at", MOMENT),
        *_of_a_user("passkeys"),
        sa.UniqueConstraint("credential_id", name="uq_passkeys_credential_id"),
        if_not_exists=True,
    )
    op.create_table(
        "spent_challenges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("spent_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_spent_challenges"),
        if_not_exists=True,
    )
    op.create_table(
        "factor_recoveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("credential_version", sa.Integer(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("told_at", MOMENT, nullable=False),
        sa.Column("cancelled_at", MOMENT),
        sa.Column("done_at", MOMENT),
        sa.Column("ip", sa.String(45)),
        sa.Column("user_agent", sa.String(300)),
        *_of_a_user("factor_recoveries"),
        if_not_exists=True,
    )
    add_column("sessions", sa.Column("proved_at", MOMENT))
    add_column("known_devices", sa.Column("trusted_until", MOMENT))
    for table in ("recovery_codes", "passkeys", "factor_recoveries"):
        create_index(f"ix_{table}_user_id", table, ["user_id"])
    create_index("ix_spent_challenges_spent_at", "spent_challenges", ["spent_at"])
    create_index("ix_factor_recoveries_open", "factor_recoveries", ["due_at"], OPEN)


def downgrade() -> None:
    op.drop_column("known_devices", "trusted_until")
    op.drop_column("sessions", "proved_at")
    for table in ("factor_recoveries", "spent_challenges", "passkeys", "recovery_codes", "authenticator_apps"):
        op.drop_table(table)


def _of_a_user(table: str, key: str = "id") -> tuple[sa.Constraint, ...]:
    return (
        sa.PrimaryKeyConstraint(key, name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=f"fk_{table}_user_id", ondelete="CASCADE"),
    )
