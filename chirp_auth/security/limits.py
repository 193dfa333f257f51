"""The limits per client: each has a name and one budget, whichever face or dialect spends it.

A face calls the function of that name once it knows that the request has the right shape, so that a typing
mistake costs nobody a try. While Redis is away each process counts for itself, with a stricter budget.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from flask import request
from limits import RateLimitItemPerSecond
from limits.errors import StorageError

from chirp_auth.errors import RateLimitExceeded, ServiceBusy
from chirp_auth.extensions import client_address, limiter, settings
from chirp_auth.security.rate_limit_storage import RateLimitStorage

# What a process may give away by itself is this part of the budget, and that shared among the processes.
DEGRADED_SHARE = 2
NOTED_ONCE_IN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Spent:
    """What a request took from a budget, and what is left of it: for the answer's headers and the audit trail."""

    name: str
    amount: int
    period: timedelta
    remaining: int
    resets_in: timedelta
    exceeded: bool


def is_degraded() -> bool:
    """Say whether Redis is away, so that each process counts for itself. For metrics; it never raises."""
    storage = limiter.storage if settings.rate_limits_enabled else None
    return isinstance(storage, RateLimitStorage) and storage.degraded


def spent() -> list[Spent]:
    """Return what this request took from budgets so far, in the order of taking."""
    found: list[Spent] = request.environ.setdefault("chirp_auth.limits", [])
    return found


def first_hit(limit: Spent) -> bool:
    """Say whether this is the caller's first refusal in the period: one for the record, however many follow."""
    return is_first(limit.name, limit.period)


def is_first(name: str, period: timedelta) -> bool:
    """Say whether what is named happens to the caller for the first time in the period, for the record."""
    try:
        return limiter.limiter.hit(_item(1, period), client_address(), f"{name}_noted")
    except StorageError:
        return True


def _named(name: str, budget: Callable[[], tuple[int, timedelta]]) -> Callable[[], None]:
    def spend() -> None:
        """Take one from the caller's budget.

        Raises:
            RateLimitExceeded: none is left.
            ServiceBusy: Redis comes and goes while we ask.
        """
        if settings.rate_limits_enabled:
            taken = _take(name, budget)
            spent().append(taken)
            if taken.exceeded:
                raise RateLimitExceeded(taken.resets_in)

    return spend


def _take(name: str, budget: Callable[[], tuple[int, timedelta]]) -> Spent:
    """Count; where Redis turns out to be gone, count again by the stricter budget that holds from then on."""
    caller = client_address()
    for _ in range(2):
        amount, period = _present(budget)
        item = _item(amount, period)
        try:
            allowed = limiter.limiter.hit(item, caller, name)
            window = limiter.limiter.get_window_stats(item, caller, name)
        except StorageError:
            continue
        resets_in = timedelta(seconds=max(1.0, window.reset_time - time.time()))
        return Spent(name, amount, period, window.remaining, min(resets_in, period), exceeded=not allowed)
    raise ServiceBusy


def _present(budget: Callable[[], tuple[int, timedelta]]) -> tuple[int, timedelta]:
    amount, period = budget()
    if is_degraded():
        amount = max(1, amount // (DEGRADED_SHARE * settings.web_workers))
    return amount, period


def _item(amount: int, period: timedelta) -> RateLimitItemPerSecond:
    return RateLimitItemPerSecond(amount, int(period.total_seconds()))


def _forgot_password() -> tuple[int, timedelta]:
    return settings.password_reset_rate_limit_limit, settings.password_reset_rate_limit_ttl


forgot_password = _named("forgot_password", _forgot_password)
reset_password = _named("reset_password", lambda: (10, timedelta(hours=1)))
sign_in = _named("sign_in", lambda: (30, timedelta(minutes=15)))
register = _named("register", lambda: (10, timedelta(hours=1)))
resend_verification = _named("resend_verification", lambda: (10, timedelta(hours=1)))
password_strength = _named("password_strength", lambda: (60, timedelta(minutes=1)))
