"""The rate limits per client: each has a name and one count, whichever face or dialect checks it.

A face calls the function of that name once it knows that the request has the right shape, so that a typing mistake
counts for nothing. While Redis is away each process counts on its own, with stricter limits.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache

from flask import request
from limits import RateLimitItemPerSecond
from limits.errors import StorageError

from chirp_auth.errors import RateLimitExceeded, ServiceBusy
from chirp_auth.extensions import client_address, limiter, settings
from chirp_auth.security.rate_limit_storage import RateLimitStorage

DEGRADED_SHARE = 2  # While Redis is away, all processes together allow half of a limit.

Limit = tuple[int, timedelta]  # so many requests in this period


@dataclass(frozen=True, slots=True)
class Spent:
    """A limit as this request left it: for the response's headers and the audit trail."""

    name: str
    amount: int
    period: timedelta
    remaining: int
    resets_in: timedelta
    exceeded: bool


def is_degraded() -> bool:
    """Say whether Redis is away, so that each process counts on its own. Never raises."""
    return isinstance(limiter.storage, RateLimitStorage) and limiter.storage.degraded


def spent() -> list[Spent]:
    """Return the limits under which this request was counted so far, in order."""
    limits: list[Spent] = request.environ.setdefault("chirp_auth.limits", [])
    return limits


@dataclass(frozen=True, slots=True)
class ClientLimit:
    """A limit: call it to count the request."""

    name: str
    present: Callable[[], Limit]

    def __call__(self) -> None:
        """Count the request under the limit.

        Raises:
            RateLimitExceeded: the client has reached the limit.
            ServiceBusy: Redis fails again and again while we ask.
        """
        if settings.rate_limits_enabled:
            status = _count(self.name, self.present)
            spent().append(status)
            if status.exceeded:
                raise RateLimitExceeded(status.resets_in)

    def wait(self) -> timedelta:
        """Return how long the client has to wait for its next try; nothing while it has one. Counts nothing."""
        if not settings.rate_limits_enabled:
            return timedelta(0)
        amount, period = _present(self.present)
        try:
            window = limiter.limiter.get_window_stats(item_of(amount, period), client_address(), self.name)
        except StorageError:
            return timedelta(0)
        return timedelta(0) if window.remaining else _until(window.reset_time, period)


def give_back() -> None:
    """Count this request nowhere: what it asked for was not done, for reasons of our own."""
    _take_back()
    spent().clear()


def forgive() -> None:
    """Count this request nowhere, and tell so in its headers: it was refused for a typing mistake."""
    _take_back()
    spent()[:] = [replace(limit, remaining=limit.remaining + 1) for limit in spent()]


def _take_back() -> None:
    for limit in spent():
        key = item_of(limit.amount, limit.period).key_for(client_address(), limit.name)
        with suppress(StorageError):
            limiter.storage.incr(key, int(limit.period.total_seconds()), -1)


def _count(name: str, limit: Callable[[], Limit]) -> Spent:
    """Count the request; if Redis fails meanwhile, count again under the stricter limit that holds from then on."""
    client = client_address()
    for _ in range(2):
        amount, period = _present(limit)
        item = item_of(amount, period)
        try:
            allowed = limiter.limiter.hit(item, client, name)
            window = limiter.limiter.get_window_stats(item, client, name)
        except StorageError:
            continue
        resets_in = _until(window.reset_time, period)
        return Spent(name, amount, period, window.remaining, resets_in, exceeded=not allowed)
    raise ServiceBusy


def _until(reset_time: float, period: timedelta) -> timedelta:
    return min(timedelta(seconds=max(1.0, reset_time - time.time())), period)


def _present(limit: Callable[[], Limit]) -> Limit:
    amount, period = limit()
    if is_degraded():
        amount = max(1, amount // (DEGRADED_SHARE * settings.web_workers))
    return amount, period


@lru_cache(maxsize=256)
def item_of(amount: int, period: timedelta) -> RateLimitItemPerSecond:
    """Return so many in a period as the library of the counts has it."""
    return RateLimitItemPerSecond(amount, int(period.total_seconds()))


def _forgot_password() -> Limit:
    return settings.password_reset_rate_limit_limit, settings.password_reset_rate_limit_ttl


forgot_password = ClientLimit("forgot_password", _forgot_password)
reset_password = ClientLimit("reset_password", lambda: (10, timedelta(hours=1)))
sign_in = ClientLimit("sign_in", lambda: (30, timedelta(minutes=15)))
register = ClientLimit("register", lambda: (10, timedelta(hours=1)))
resend_verification = ClientLimit("resend_verification", lambda: (10, timedelta(hours=1)))
passkeys = ClientLimit("passkeys", lambda: (120, timedelta(minutes=15)))
password_strength = ClientLimit("password_strength", lambda: (60, timedelta(minutes=1)))
