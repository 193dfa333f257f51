"""A trigram index for the search of accounts, where PostgreSQL has pg_trgm; elsewhere a search reads all accounts."""

import sqlalchemy as sa
from alembic import op

from chirp_auth.runtime import schema_changes

revision = "0011"
down_revision = "0010"

# The owner of a database may install an extension that is trusted.
MAY_INSTALL = """
    SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') OR (
        has_database_privilege(current_database(), 'CREATE') AND EXISTS (
            SELECT FROM pg_available_extension_versions AS found
            WHERE name = 'pg_trgm' AND (to_jsonb(found) ->> 'trusted')::boolean
        )
    )
"""
IS_VISIBLE = "SELECT EXISTS (SELECT FROM pg_opclass WHERE opcname = 'gin_trgm_ops' AND pg_opclass_is_visible(oid))"
# The expression is that of `accounts.users`: an index serves no other.
INDEX = """
    CREATE INDEX CONCURRENTLY ix_users_search ON users USING gin (
        email_key gin_trgm_ops,
        lower(coalesce(first_name, '') || ' ' || coalesce(last_name, '')) gin_trgm_ops,
        phone_number gin_trgm_ops
    )
"""


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql" or not connection.scalar(sa.text(MAY_INSTALL)):
        return
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    if not connection.scalar(sa.text(IS_VISIBLE)):
        return
    with op.get_context().autocommit_block():  # Concurrently: writers go on meanwhile.
        op.execute("SET lock_timeout = 0")  # It waits for others, and nobody for it.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_users_search")
        op.execute(INDEX)
        op.execute(schema_changes.SET_LOCK_TIMEOUT)


def downgrade() -> None:
    op.execute("DROP INDEX IF EXISTS ix_users_search")
