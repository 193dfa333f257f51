"""SQLite as a database for a server: durable commits, and writers that queue instead of polling for the lock.

SQLite lets one connection write at a time; another one sleeps and asks again, for longer each time, while the
database may long be free. Threads of one process can do better: they wait in line for a lock of our own.
"""

import os
import sqlite3
import time
from contextlib import suppress
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import Pool

WAIT_SECONDS = 5

# Python's sqlite3 begins a transaction at the first write, and IMMEDIATE takes the write lock there:
# readers never hold a lock, and a writer never has to upgrade one.
CONNECT_ARGS = {"isolation_level": "IMMEDIATE", "timeout": WAIT_SECONDS}

_writer = Lock()


@event.listens_for(Engine, "do_connect")
def _make_private(dialect: Dialect, _record: Any, place: Any, _options: Any) -> None:
    """Make a new database its owner's alone; SQLite gives its rights to the files beside it."""
    if dialect.name == "sqlite":
        with suppress(OSError):  # It is there, or cannot be: SQLite will say so.
            os.close(os.open(place[0], os.O_CREAT | os.O_EXCL, 0o600))


@event.listens_for(Engine, "connect")
def _prepare(connection: Any, _record: Any) -> None:
    """Set up a connection: readers beside one writer, commits that survive a power cut, foreign keys."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")


@event.listens_for(Engine, "before_cursor_execute")
def _queue(connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, _many: bool) -> None:
    """Wait in line before the first write of a transaction, then for other programs in what time is left."""
    if connection.dialect.name != "sqlite" or not (context.isinsert or context.isupdate or context.isdelete):
        return
    if "writes" not in connection.info:
        latest = time.monotonic() + WAIT_SECONDS
        if not _writer.acquire(timeout=WAIT_SECONDS):
            raise OperationalError(statement, parameters, sqlite3.OperationalError("database is locked"))
        connection.info["writes"] = True
        left = max(0.0, latest - time.monotonic())
        cursor.execute(f"PRAGMA busy_timeout = {int(left * 1000)}")


@event.listens_for(Pool, "checkin")
def _let_the_next_one_in(_connection: Any, record: Any) -> None:
    """A connection goes back to its pool when its transaction is over, however it ended."""
    if record.info.pop("writes", False):
        _writer.release()
