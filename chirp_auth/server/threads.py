"""The server's threads: a fixed number that work, and one more for each that waits for a hash meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Generic, TypeVar

import structlog

IDLE_SECONDS = 10.0  # After so long without work a thread looks whether it is still needed.

T = TypeVar("T")

log = structlog.get_logger("server")


class Threads(Generic[T]):
    """Calls `serve` for each item, `size` of them at once; `serve` must not raise."""

    def __init__(self, size: int, serve: Callable[[T], None]) -> None:
        self._needed = size
        self._serve = serve
        self._alive = 0
        self._lock = Lock()
        self._items: SimpleQueue[T] = SimpleQueue()
        self._numbers = count()

    def start(self) -> None:
        """Start as many as are needed."""
        for _ in range(self._needed):
            self._add(0)

    def put(self, item: T) -> None:
        """Let the next free thread serve the item."""
        self._items.put(item)

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Let another thread serve in place of this one, which waits until the block ends."""
        self._add(1)
        try:
            yield
        finally:
            with self._lock:
                self._needed -= 1

    def _add(self, needed: int) -> None:
        with self._lock:
            self._needed += needed
            if self._alive >= self._needed:
                return
            self._alive += 1
        try:
            Thread(target=self._work, name=f"request-{next(self._numbers)}", daemon=True).start()
        except RuntimeError:  # The system has no more: then fewer serve until those that wait come back.
            with self._lock:
                self._alive -= 1
            log.warning("no more threads", alive=self._alive)

    def _work(self) -> None:
        while self._is_needed():
            try:
                item = self._items.get(timeout=IDLE_SECONDS)
            except Empty:
                continue
            self._serve(item)
            del item  # A thread that waits for work keeps no body.

    def _is_needed(self) -> bool:
        with self._lock:
            if self._alive > self._needed:
                self._alive -= 1
                return False
            return True
