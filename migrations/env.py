"""How migrations run, one process at a time: in one transaction on SQLite, in one for each on PostgreSQL.

On PostgreSQL a migration may leave its transaction, to build an index while others write.
"""

import time

import click
from alembic import context
from flask import current_app
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from chirp_auth.runtime.sqlite import make_private

ONE_AT_A_TIME = 0x43484952  # The advisory lock under which PostgreSQL lets only one process migrate.
ASK_SECONDS = 0.1

database = current_app.extensions["migrate"].db


def run() -> None:
    """Migrate over a connection of our own, so that a killed migration leaves nothing half done."""
    engine = create_engine(database.engine.url, poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "do_connect", make_private)
        event.listen(engine, "connect", _leave_transactions_to_us)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        with engine.begin() as connection:
            _migrate(connection)
        return
    with engine.connect() as connection:
        _wait_for_turn(connection)
        _migrate(connection)


def _wait_for_turn(connection: Connection) -> None:
    """Take the lock for as long as the connection lives, asking for it again and again.

    Waiting inside a statement would keep a snapshot, and whoever builds an index concurrently waits for those.
    """
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ONE_AT_A_TIME}):
        connection.commit()
        time.sleep(ASK_SECONDS)
    connection.commit()


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=database.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,
        transaction_per_migration=connection.dialect.name == "postgresql",
        user_module_prefix="models.",
    )
    with context.begin_transaction():
        context.run_migrations()


def _leave_transactions_to_us(connection: object, _record: object) -> None:
    """Python's sqlite3 begins no transaction before DDL by itself: turn its own idea of them off."""
    connection.isolation_level = None  # type: ignore[attr-defined]
    connection.execute("PRAGMA busy_timeout = 30000")  # type: ignore[attr-defined]


try:
    run()
except SQLAlchemyError as error:
    if click.get_current_context(silent=True) is None:  # Not `flask db …`, but a caller that sees to it itself.
        raise
    sentence = f"The database cannot be migrated: {type(error).__name__}. See: flask --app wsgi auth doctor"
    raise click.ClickException(sentence) from None
