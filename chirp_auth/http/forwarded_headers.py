"""Forwarded headers, before ProxyFix splits them at their commas."""

from collections.abc import Callable, Iterable
from typing import Any

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]

NAMES = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO")


class WithoutQuotes:
    """Removes quotation marks: ProxyFix does not split at a comma between them.

    Otherwise a client's `X-Forwarded-For: 203.0.113.9:"`, to which a proxy appends the real address, would be taken as
    one value, and the client would choose its own address.
    """

    def __init__(self, application: Wsgi) -> None:
        self._application = application

    def __call__(self, environment: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        for name in NAMES:
            if name in environment:
                environment[name] = environment[name].replace('"', "")
        return self._application(environment, start_response)
