"""How migrations change tables that are in use: nobody who reads or writes waits for them noticeably.

On PostgreSQL a change of a table needs a lock that waits behind whoever reads the table, and everybody else waits
behind that. So it gives up soon, lets the others pass and is tried again (`migrations/env.py`). A migration that was
tried before finds part of its work done, and these functions do not mind.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from alembic import op
from sqlalchemy import Column, text

LOCK_TIMEOUT = timedelta(milliseconds=300)  # So long others wait behind a change that waits for its lock.
PAUSE_SECONDS = 1.0
TRIES = 60
SET_LOCK_TIMEOUT = f"SET lock_timeout = {LOCK_TIMEOUT // timedelta(milliseconds=1)}"


def add_column(table: str, column: Column[Any]) -> None:
    """Add a column, and on PostgreSQL commit, so that its lock is not held during what follows."""
    op.add_column(table, column, if_not_exists=_is_postgresql() or None)
    if _is_postgresql():
        with op.get_context().autocommit_block():
            pass


def create_index(name: str, table: str, columns: Sequence[str], condition: str | None = None) -> None:
    """Create an index, of the rows under `condition` if there is one.

    On PostgreSQL it is built while others read and write; it waits for them, and nobody for it.
    """
    where = None if condition is None else text(condition)
    if not _is_postgresql():
        op.create_index(name, table, columns, sqlite_where=where)
        return
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)  # A try that failed leaves it invalid.
        op.create_index(name, table, columns, postgresql_where=where, postgresql_concurrently=True)
        op.execute(SET_LOCK_TIMEOUT)


def _is_postgresql() -> bool:
    return op.get_context().dialect.name == "postgresql"
