"""What a client gets only so often, by the counts that the limits use; nobody is refused for want of it."""

from datetime import timedelta

from limits.errors import StorageError

from chirp_auth.extensions import client_address, limiter, settings
from chirp_auth.security.limits import Spent, item_of

NOTED_ONCE_IN = timedelta(hours=1)


def first_hit(limit: Spent) -> bool:
    """Say whether this is the client's first refusal in the period: only that one becomes an audit event."""
    return is_first(limit.name, limit.period)


def is_first(name: str, period: timedelta) -> bool:
    """Say whether an event of this name happens to the client for the first time in the period."""
    try:
        return limiter.limiter.hit(item_of(1, period), client_address(), f"{name}_noted")
    except StorageError:
        return True


def take(name: str, amount: int, period: timedelta) -> bool:
    """Take one from the client's share of something that the service does only to be kind; say whether one was left."""
    try:
        return not settings.rate_limits_enabled or limiter.limiter.hit(item_of(amount, period), client_address(), name)
    except StorageError:
        return False
