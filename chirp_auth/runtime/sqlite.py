"""SQLite as a database for a server: durable commits, and writers that queue instead of polling for the lock.

SQLite lets one connection write at a time; another one sleeps and asks again, for longer each time (up to 100 ms),
while the database may long be free. Threads of one process wait in line for a lock of our own. The two processes of
a server, web and worker, ask again every millisecond: neither can then keep the other out for long, as each leaves
a gap between two of its transactions.
"""

import os
import sqlite3
import time
from contextlib import suppress
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from chirp_auth.runtime.shared_sync import SharedSync

WAIT_SECONDS = 5
ASK_SECONDS = 0.001
WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")  # Where they are given as text, without a construct.
PATIENCE = "sqlite_write_patience"  # The execution option of a statement that waits for another number of seconds.

# Python's sqlite3 begins a transaction at the first write, and IMMEDIATE takes the write lock there:
# readers never hold a lock, and a writer never has to upgrade one.
CONNECT_ARGS = {"isolation_level": "IMMEDIATE", "timeout": WAIT_SECONDS}


def prepare(engine: Engine) -> None:
    """Let this engine's connections make the file private, commit durably, and write one after the other."""
    event.listen(engine, "do_connect", make_private)
    event.listen(engine, "connect", _set_up)
    queue = _Queue(SharedSync(f"{engine.url.database}-wal"))
    event.listen(engine, "before_cursor_execute", queue.enter)
    event.listen(engine, "checkin", queue.leave)


def make_private(_dialect: Any, _record: Any, place: Any, _options: Any) -> None:
    """Make a new database its owner's alone; SQLite gives its rights to the files beside it."""
    with suppress(OSError):  # It is there, or cannot be: SQLite will say so.
        os.close(os.open(place[0], os.O_CREAT | os.O_EXCL, 0o600))


def _set_up(connection: Any, _record: Any) -> None:
    """Set up a connection: readers beside one writer, commits that survive a power cut, foreign keys."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # `SharedSync` does the rest.
    connection.execute("PRAGMA foreign_keys = ON")


class _Queue:
    """The line in which this process's writers wait."""

    def __init__(self, sync: SharedSync) -> None:
        self._writer = Lock()
        self._sync = sync

    def enter(
        self, connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, _many: bool
    ) -> None:
        """Wait in line before the first write of a transaction, then for other processes in what time is left."""
        is_write = context.isinsert or context.isupdate or context.isdelete or statement.startswith(WRITES)
        if "writes" in connection.info or not is_write:
            return
        patience = context.execution_options.get(PATIENCE, WAIT_SECONDS)
        latest = time.monotonic() + patience
        if not self._writer.acquire(timeout=patience):
            raise OperationalError(statement, parameters, sqlite3.OperationalError("database is locked"))
        connection.info["writes"] = True
        try:
            _begin(cursor, latest)
        except sqlite3.OperationalError as error:
            raise OperationalError(statement, parameters, error) from error

    def leave(self, _connection: Any, record: Any) -> None:
        """Let the next one write, then wait until what was written is durable: before that nobody is answered.

        A connection goes back to its pool when its transaction is over, however it ended.
        """
        if record.info.pop("writes", False):
            self._writer.release()
            try:
                self._sync.wait()
            except OSError as error:
                failure = sqlite3.OperationalError(f"commit not durable: {error.strerror}")
                raise OperationalError(None, None, failure) from error


def _begin(cursor: Any, latest: float) -> None:
    """Take the write lock, asking until `latest`."""
    if cursor.connection.in_transaction:
        return
    cursor.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                cursor.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= latest:
                    raise
            time.sleep(ASK_SECONDS)
    finally:
        cursor.execute(f"PRAGMA busy_timeout = {int(WAIT_SECONDS * 1000)}")
