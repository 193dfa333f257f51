"""Formatting of times, spans and counts, for pages, mails and headers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import ceil

import flask_babel

from chirp_auth.languages import DEFAULT, current, ngettext

_UNITS: tuple[tuple[int, Callable[[int], str]], ...] = (
    (86400, lambda count: ngettext("%(num)s day", "%(num)s days", count)),
    (3600, lambda count: ngettext("%(num)s hour", "%(num)s hours", count)),
    (60, lambda count: ngettext("%(num)s minute", "%(num)s minutes", count)),
    (1, lambda count: ngettext("%(num)s second", "%(num)s seconds", count)),
)


def when(moment: datetime) -> str:
    """Return the moment for people, in the current language: 20 Nov 2026, 20:47 UTC."""
    moment = moment.astimezone(UTC)
    if current() == DEFAULT:  # Babel's English is American, and has no such order.
        return f"{moment.day} {moment:%b %Y, %H:%M} UTC"
    locale = flask_babel.get_locale()
    day, time = (locale.datetime_skeletons[fields].apply(moment, locale) for fields in ("yMMMd", "Hm"))
    return f"{day}, {time} UTC"


def iso(moment: datetime) -> str:
    """Return the moment in RFC 3339, in UTC and to the second: 2026-11-20T20:47:00Z."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def whole_seconds(span: timedelta) -> int:
    """Return the span in seconds, at least 1 and rounded up, so that waiting so long is enough."""
    return max(1, ceil(span.total_seconds()))


def counted(number: int, thing: str) -> str:
    """Return how many of a thing, for operators: 1 link, 2 links. Pages and mails say it by `ngettext`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def in_words(span: timedelta | float) -> str:
    """Return the span as its two largest units, in the current language and rounded up to a second.

    So it reads: 1 hour, 4 minutes, 1 day 2 hours.
    """
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    left = max(1, int(-(-seconds // 1)))
    parts: list[str] = []
    for size, in_unit in _UNITS:
        count, rest = divmod(left, size)
        if count and len(parts) < 2:
            parts.append(in_unit(count))
        if parts and (len(parts) == 2 or not rest):
            break
        left = rest
    return " ".join(parts)
