"""Group commit: whoever adds a row while another transaction is being committed shares the next one.

The first to come leads: it writes all rows that wait, and the others wait for it. Under load a transaction, and the
wait for the disk, then cost a share of what they cost each alone; a single one waits for nobody.
"""

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

from chirp_auth.extensions import DATABASE_AWAY

Row = Mapping[str, Any]


class GroupCommit:
    """Hands rows to `write`, which must have committed them all when it returns, or have raised and written none."""

    def __init__(self, write: Callable[[Sequence[Row]], None]) -> None:
        self._write = write
        self._lock = Lock()
        self._waiting: list[_Member] = []
        self._is_led = False

    def add(self, row: Row) -> None:
        """Return when the row is committed.

        Raises:
            whatever `write` raised for this row. A row that cannot be written does not spoil the others of its group.
            A database that is away is told to all who wait: none waits for it longer than one alone would.
        """
        mine = _Member(row)
        with self._lock:
            self._waiting.append(mine)
            is_first, self._is_led = not self._is_led, True
        if not is_first:
            mine.turn.acquire()
        if not mine.is_over:
            self._lead()
        if mine.error is None:
            return
        if mine.was_alone or isinstance(mine.error, DATABASE_AWAY):
            raise mine.error
        self._write([row])

    def _lead(self) -> None:
        """Write what waits, and leave the lead to the first of those who came meanwhile."""
        with self._lock:
            group, self._waiting = self._waiting, []
        error = None
        try:
            self._write([member.row for member in group])
        except BaseException as failure:  # Each member raises it.
            error = failure
        with self._lock:
            if isinstance(error, DATABASE_AWAY):
                group, self._waiting = group + self._waiting, []
            heirs = self._waiting[:1]
            self._is_led = bool(heirs)
        for member in group:
            member.is_over, member.error, member.was_alone = True, error, len(group) == 1
        for member in (*group, *heirs):
            member.turn.release()


class _Member:
    """One who waits: `turn` opens when its row is written, or when it has to lead."""

    __slots__ = ("error", "is_over", "row", "turn", "was_alone")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.turn = Lock()
        self.turn.acquire()
        self.is_over = self.was_alone = False
        self.error: BaseException | None = None
