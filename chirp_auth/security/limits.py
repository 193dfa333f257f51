"""The limits per client: each has a name and one budget, whichever face or dialect spends it.

A face calls the function of that name once it knows that the request has the right shape, so that a typing
mistake costs nobody a try.
"""

import time
from collections.abc import Callable
from datetime import timedelta

import flask_limiter

from chirp_auth.errors import RateLimitExceeded
from chirp_auth.extensions import limiter, settings


def _named(scope: str, budget: Callable[[], str]) -> Callable[[], None]:
    def count() -> None:
        """Wear the limit: it is counted whenever this is called."""

    # Flask-Limiter knows a limit by its function's name: with one name the budgets would add up.
    count.__qualname__ = f"{scope}_budget"
    counted = limiter.shared_limit(budget, scope=scope)(count)

    def spend() -> None:
        """Take one from the caller's budget, or raise RateLimitExceeded if none is left."""
        try:
            counted()
        except flask_limiter.RateLimitExceeded:
            raise RateLimitExceeded(_until_reset()) from None

    return spend


def _until_reset() -> timedelta:
    limit = limiter.current_limit
    return timedelta(seconds=max(1.0, limit.reset_at - time.time()) if limit else 1.0)


def _forgot_password_budget() -> str:
    return _rate(settings.password_reset_rate_limit_limit, settings.password_reset_rate_limit_ttl)


def _rate(amount: int, period: timedelta) -> str:
    return f"{amount} per {int(period.total_seconds())} seconds"


forgot_password = _named("forgot_password", _forgot_password_budget)
reset_password = _named("reset_password", lambda: _rate(10, timedelta(hours=1)))
sign_in = _named("sign_in", lambda: _rate(30, timedelta(minutes=15)))
register = _named("register", lambda: _rate(10, timedelta(hours=1)))
resend_verification = _named("resend_verification", lambda: _rate(10, timedelta(hours=1)))
