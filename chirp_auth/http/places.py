"""Places: how many requests are worked on at once (WEB_THREADS), and how one that waits gives its place to another."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Semaphore
from typing import Any, Protocol

from flask import has_request_context, request

from chirp_auth.security.hash_queue import Holder, Nothing

SERVER_SIDE = "chirp_auth.server_side"  # What our own server does for a request that waits; a ServerSide.
_PLACE = "chirp_auth.place"


class ServerSide(Protocol):
    """The server's part of a request."""

    def thread_lent(self) -> AbstractContextManager[None]:
        """Let another thread serve in place of this one, which waits."""

    def is_gone(self) -> bool:
        """Say whether the client has hung up."""


class Places:
    """At most `size` requests are worked on at once; each of them may hold a database connection."""

    def __init__(self, size: int) -> None:
        self._free = Semaphore(size)

    @contextmanager
    def taken(self, environment: dict[str, Any]) -> Iterator[None]:
        """Hold a place for the request with this WSGI environment."""
        environment[_PLACE] = _Place(self._free, environment.get(SERVER_SIDE))
        with self._free:
            yield

    @staticmethod
    def current() -> Holder:
        """Return the current request's place; outside of a request one that does nothing."""
        place: Holder | None = request.environ.get(_PLACE) if has_request_context() else None
        return place or Nothing()


class _Place:
    def __init__(self, free: Semaphore, server_side: ServerSide | None) -> None:
        self._free = free
        self._server_side = server_side

    @contextmanager
    def given_back(self) -> Iterator[None]:
        with self._server_side.thread_lent() if self._server_side else nullcontext():
            self._free.release()
            try:
                yield
            finally:
                self._free.acquire()

    def is_gone(self) -> bool:
        return self._server_side is not None and self._server_side.is_gone()
