"""Storage of Flask-Limiter's counts: in Redis for all processes, or in the memory of this one.

Flask-Limiter's in-memory fallback (1) fails the requests that discover an outage of Redis, (2) grants every process
the full limit, (3) backs off longer the longer Redis is away. This storage raises StorageError once, counts in memory
from then on, and tries Redis again every second.
"""

import time
from itertools import islice
from threading import Lock
from typing import Any

import structlog
from limits.errors import StorageError
from limits.storage import RedisStorage, Storage

ANSWER_SECONDS = 0.3  # A Redis that takes longer is away.
PROBE_SECONDS = 1.0
SWEEP_FROM = 10_000  # With fewer windows nothing is swept.
MAX_WINDOWS = 200_000  # About 60 MB. A client with more addresses than that has a fresh limit with each anyway.

log = structlog.get_logger("limits")


class MemoryStorage(Storage):
    """Counts in this process, in fixed windows, one request at a time.

    The library's MemoryStorage starts a timer thread for nearly every count, which costs more than the rest of a
    request, and returns a count that may already contain the next request.
    """

    STORAGE_SCHEME = ["chirp-memory"]

    def __init__(self) -> None:
        super().__init__()
        self._windows: dict[str, tuple[int, float]] = {}  # count, and when its window ends
        self._sweep_at = SWEEP_FROM
        self._one_at_a_time = Lock()

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        with self._one_at_a_time:
            count, ends = self._window(key)
            if amount < 0 and not count:  # What was counted is forgotten already.
                return 0
            ends = ends or time.time() + expiry
            self._windows[key] = (count + amount, ends)
            if len(self._windows) > self._sweep_at:
                self._sweep()
            return count + amount

    def get(self, key: str) -> int:
        return self._window(key)[0]

    def get_expiry(self, key: str) -> float:
        return self._window(key)[1] or time.time()

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        with self._one_at_a_time:
            count = len(self._windows)
            self._windows.clear()
            return count

    def clear(self, key: str) -> None:
        self._windows.pop(key, None)

    @property
    def base_exceptions(self) -> type[Exception]:
        return StorageError

    def _window(self, key: str) -> tuple[int, float]:
        count, ends = self._windows.get(key, (0, 0.0))
        return (count, ends) if ends > time.time() else (0, 0.0)

    def _sweep(self) -> None:
        """Forget windows that have ended, and the oldest of very many; set the size at which to sweep again."""
        present = time.time()
        self._windows = {key: window for key, window in self._windows.items() if window[1] > present}
        if len(self._windows) > MAX_WINDOWS // 2:  # Dictionaries keep the order of insertion: the oldest go.
            self._windows = dict(islice(self._windows.items(), len(self._windows) - MAX_WINDOWS // 2, None))
        self._sweep_at = min(SWEEP_FROM + 2 * len(self._windows), MAX_WINDOWS)


class RateLimitStorage(Storage):
    """Redis while it answers, memory while it does not; memory alone where no Redis is named."""

    STORAGE_SCHEME = ["chirp"]

    def __init__(self, uri: str, redis_url: str = "", **_: Any) -> None:
        super().__init__(uri, wrap_exceptions=False)
        self._memory = MemoryStorage()
        self._redis = _redis(redis_url) if redis_url else None
        self._away_since: float | None = None
        self._next_probe = 0.0
        self._probing = Lock()

    @property
    def degraded(self) -> bool:
        """Whether Redis is away, so that each process counts on its own. Reading it tries Redis once a second."""
        if self._away_since is not None and time.monotonic() >= self._next_probe and self._probing.acquire(False):
            try:
                self._next_probe = time.monotonic() + PROBE_SECONDS
                if self.check():
                    log.info("limits shared again", away_seconds=round(time.monotonic() - self._away_since, 1))
                    self._away_since = None
            finally:
                self._probing.release()
        return self._away_since is not None

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        return int(self._call("incr", key, expiry, amount))

    def get(self, key: str) -> int:
        return int(self._call("get", key))

    def get_expiry(self, key: str) -> float:
        return float(self._call("get_expiry", key))

    def check(self) -> bool:
        return self._redis is None or self._redis.check()

    def reset(self) -> int | None:
        return self._present().reset()

    def clear(self, key: str) -> None:
        self._call("clear", key)

    @property
    def base_exceptions(self) -> type[Exception]:
        return StorageError

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._present(), method)(*arguments)
        except StorageError:
            if self._away_since is None:
                log.error("limits degraded", reason="Redis does not answer: each process counts for itself")
            self._away_since = self._away_since or time.monotonic()
            self._next_probe = time.monotonic() + PROBE_SECONDS
            raise

    def _present(self) -> Storage:
        return self._memory if self._redis is None or self._away_since is not None else self._redis


def _redis(url: str) -> RedisStorage:
    # Imported here because it is slow, and operators' commands on a machine without Redis would wait for it.
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.retry import Retry  # noqa: PLC0415

    return RedisStorage(
        url,
        wrap_exceptions=True,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type]  # passed to redis-py as it is
    )
