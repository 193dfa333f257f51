"""The hash gate: bcrypt keeps a core busy for a quarter of a second, so only as many run as there are cores.

bcrypt releases the interpreter's lock, so pages stay fast while hashes run; what would break them is every
server thread waiting for a hash. Hence a short queue, and a refusal beyond it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from chirp_auth import metrics
from chirp_auth.errors import ServiceBusy

MAX_WAIT_SECONDS = 5.0


class HashQueue:
    """Lets `running` callers in at once and `waiting` queue; whoever comes after is turned away."""

    def __init__(self, running: int, waiting: int) -> None:
        self._slots = BoundedSemaphore(running)
        self._places = BoundedSemaphore(running + waiting)

    def expect_room(self) -> None:
        """Turn away whom the gate would turn away now, before anything is spent on them.

        Raises:
            ServiceBusy: the queue is full.
        """
        if not self._places.acquire(blocking=False):
            raise ServiceBusy
        self._places.release()

    @contextmanager
    def passage(self) -> Iterator[None]:
        """Hold a slot for one hash.

        Raises:
            ServiceBusy: the queue is full, or no slot came free in time.
        """
        if not self._places.acquire(blocking=False):
            metrics.hashes_refused.inc()
            raise ServiceBusy
        try:
            with metrics.hashing.track_inprogress(), self._slot():
                yield
        finally:
            self._places.release()

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=MAX_WAIT_SECONDS):
            metrics.hashes_refused.inc()
            raise ServiceBusy
        try:
            yield
        finally:
            self._slots.release()


def for_threads(threads: int, processes: int) -> HashQueue:
    """Return the gate for one of `processes` server processes with `threads` threads.

    At least two threads, and a quarter of them, stay free for pages that hash nothing.
    """
    hashing = threads - max(2, threads // 4)
    running = max(1, min((os.cpu_count() or 1) // processes, hashing - 1))
    waiting = max(1, hashing - running)
    return HashQueue(running, waiting)
