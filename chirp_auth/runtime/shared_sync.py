"""One `fdatasync` for all who wait at the same time: each waits for one that began after its own commit.

SQLite in WAL mode appends a commit to the `-wal` file. With `synchronous = NORMAL` it does not sync that file at each
commit, but always before it copies from it into the database, and before it begins it anew
(https://www.sqlite.org/pragma.html#pragma_synchronous). So a commit is durable once the `-wal` file was synced after
it, or was replaced since.
"""

import os
from threading import Condition

_FLUSH = getattr(os, "fdatasync", os.fsync)  # macOS has only fsync.


class SharedSync:
    """Syncs one file, whose name stays while the file behind it may be replaced."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._changed = Condition()
        self._begun = 0  # The number of the newest sync.
        self._done = 0
        self._running = False
        self._failure: OSError | None = None

    def wait(self) -> None:
        """Return when a sync that began after this call has ended.

        Raises:
            OSError: the disk failed, now or before. A second try proves nothing, for the kernel may have dropped what
                it could not write (https://wiki.postgresql.org/wiki/Fsync_Errors).
        """
        with self._changed:
            mine = self._begun + 1
            while self._done < mine:
                if self._failure:
                    raise self._failure
                if self._running:
                    self._changed.wait()
                else:
                    self._lead()

    def _lead(self) -> None:
        """Sync for all who wait, letting others come meanwhile: those wait for the next one."""
        self._begun += 1
        self._running = True
        self._changed.release()
        failure = None
        try:
            _sync(self._path)
        except OSError as error:
            failure = error
        finally:
            self._changed.acquire()
            self._running = False
            self._changed.notify_all()
        self._failure = failure
        if not failure:
            self._done = self._begun


def _sync(path: str) -> None:
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return  # The last connection was closed, which copied all of it into the database.
    try:
        _FLUSH(file)
    finally:
        os.close(file)
