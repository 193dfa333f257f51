"""How migrations run: one process at a time; on SQLite in one transaction, on PostgreSQL each in one of its own.

PostgreSQL goes on serving meanwhile: see `chirp_auth/runtime/schema_changes.py`.
"""

import time

import click
import psycopg
from alembic import context
from flask import current_app
from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from chirp_auth.runtime import schema_changes
from chirp_auth.runtime.sqlite import make_private

ONE_AT_A_TIME = 0x43484952  # The advisory lock under which PostgreSQL lets only one process migrate.

WAIT_SECONDS = 0.2

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
    # A connection of its own, idle and without a transaction: an index that is built waits for all that are open.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as lock:
        while not lock.scalar(select(func.pg_try_advisory_lock(ONE_AT_A_TIME))):
            time.sleep(WAIT_SECONDS)
        _migrate_beside_others(engine)


def _migrate_beside_others(engine: Engine) -> None:
    """Migrate, and try again while others hold what we need."""
    for tries_left in reversed(range(schema_changes.TRIES)):
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql(schema_changes.SET_LOCK_TIMEOUT)
                connection.commit()
                _migrate(connection)
            return
        except OperationalError as error:
            if not isinstance(error.orig, psycopg.errors.LockNotAvailable) or not tries_left:
                raise
        time.sleep(schema_changes.PAUSE_SECONDS)


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
    reason = type(error).__name__
    if isinstance(getattr(error, "orig", None), psycopg.errors.LockNotAvailable):
        reason = "another transaction keeps a table locked; end that, and try again"
    sentence = f"The database cannot be migrated: {reason}. See: flask --app wsgi auth doctor"
    raise click.ClickException(sentence) from None
