"""Formatting of times, spans and counts, for pages, mails and headers."""

from datetime import UTC, datetime, timedelta
from math import ceil

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def when(moment: datetime) -> str:
    """Return the moment for people: 20 Nov 2026, 20:47 UTC."""
    moment = moment.astimezone(UTC)
    return f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def iso(moment: datetime) -> str:
    """Return the moment in RFC 3339, in UTC and to the second: 2026-11-20T20:47:00Z."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def whole_seconds(span: timedelta) -> int:
    """Return the span in seconds, at least 1 and rounded up, so that waiting so long is enough."""
    return max(1, ceil(span.total_seconds()))


def counted(number: int, thing: str) -> str:
    """Return how many of a thing: 1 link, 2 links."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def in_words(span: timedelta | float) -> str:
    """Return the span as its two largest units, rounded up to a second: 1 hour, 4 minutes, 1 day 2 hours."""
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    left = max(1, int(-(-seconds // 1)))
    parts: list[str] = []
    for name, size in _UNITS:
        count, rest = divmod(left, size)
        if count and len(parts) < 2:
            parts.append(counted(count, name))
        if parts and (len(parts) == 2 or not rest):
            break
        left = rest
    return " ".join(parts)
