"""The application behind granian's RSGI interface, which shows each header under the name that was sent."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import structlog
from werkzeug.middleware.proxy_fix import ProxyFix

from chirp_auth.errors import AuthError
from chirp_auth.http import body_buffer
from chirp_auth.http.forwarded_headers import WithoutQuotes
from chirp_auth.http.places import SERVER_SIDE
from chirp_auth.runtime.cpu_affinity import OneProcessor
from chirp_auth.server.request_body import RequestBodies, Stream
from chirp_auth.server.threads import Threads
from chirp_auth.server.wsgi_bridge import Environment, Header, Scope, Wsgi, call, environment_of, put_body

BROKEN = b"Something went wrong on our side.\n"

HINTS = "/password-strength"
MAX_HINTS = 2  # Answered at once; each costs the application about as much as a page.
REFUSED_HINT_SECONDS = 0.25  # A client that asks again at once comes back four times a second, not a thousand times.
REFUSED_HINT = b'{"sentence": "The service is busy. Please try again in a few seconds."}'
REFUSED_HINT_HEADERS = [
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Retry-After", "5"),
]

log = structlog.get_logger("server")


class Connection(Stream, Protocol):
    """granian's protocol object: hands out a body, takes an answer."""

    async def client_disconnect(self) -> None: ...
    def response_bytes(self, status: int, headers: list[Header], body: bytes, /) -> None: ...


Exchange = tuple[Environment, Connection, asyncio.Future[None]]


class Adapter:
    """Serves a WSGI application with threads; a request gets one when its body is complete."""

    def __init__(self, application: Wsgi, *, threads: int, trusted_hops: int, processor: OneProcessor) -> None:
        self._application = application
        self._processor = processor
        self._threads = Threads(threads, self._serve)
        self._hints = 0
        self._bodies = RequestBodies()
        self._behind_proxies: Wsgi | None = None
        if trusted_hops:
            self._behind_proxies = WithoutQuotes(ProxyFix(_remote_address, x_for=trusted_hops))
        self.answering: set[str] = set()
        """The peers, as address:port, whose requests are complete and wait for their answers."""

    def __rsgi_init__(self, _loop: asyncio.AbstractEventLoop) -> None:
        """Start the threads; granian calls this once in each serving process."""
        self._threads.start()

    async def __rsgi__(self, scope: Scope, connection: Connection) -> None:
        """Read the request, hand it to a thread and wait for the end of it."""
        environment = environment_of(scope)
        length = environment.get("CONTENT_LENGTH")
        if length in (None, "0") and "HTTP_TRANSFER_ENCODING" not in environment:
            await self._answer(environment, connection)
            return
        try:
            with self._bodies.read_for(self._client_of(environment)) as reader:
                body = await reader.read(connection, int(length) if length else None)
                put_body(environment, body)
                await self._answer(environment, connection)
        except AuthError as refusal:
            environment[body_buffer.REFUSAL] = refusal
            put_body(environment, b"")
            await self._answer(environment, connection)

    def _client_of(self, environment: Environment) -> str:
        """Return the client's address, as TRUSTED_PROXY_HOPS lets us trust it."""
        if self._behind_proxies is None:
            return str(environment["REMOTE_ADDR"])
        (client,) = self._behind_proxies(dict(environment), None)
        return client.decode()

    async def _answer(self, environment: Environment, connection: Connection) -> None:
        if environment["PATH_INFO"] != HINTS:
            await self._finish(environment, connection)
        elif self._hints < MAX_HINTS:
            self._hints += 1
            try:
                await self._finish(environment, connection)
            finally:
                self._hints -= 1
        else:
            await asyncio.sleep(REFUSED_HINT_SECONDS)
            connection.response_bytes(503, REFUSED_HINT_HEADERS, REFUSED_HINT)

    async def _finish(self, environment: Environment, connection: Connection) -> None:
        """Let a thread answer the request, and wait for the end of it."""
        loop = asyncio.get_running_loop()
        environment[SERVER_SIDE] = _ServerSide(self._threads, self._processor, connection, loop)
        finished = loop.create_future()
        peer = environment["chirp_auth.peer"]
        self.answering.add(peer)
        self._threads.put((environment, connection, finished))
        try:
            await finished
        finally:
            self.answering.discard(peer)

    def _serve(self, exchange: Exchange) -> None:
        environment, connection, finished = exchange
        try:
            connection.response_bytes(*call(self._application, environment))
        except Exception as error:
            log.exception("bug", exc_info=error)
            with suppress(Exception):  # It was answered, or its client has gone.
                connection.response_bytes(500, [("Content-Type", "text/plain")], BROKEN)
        with suppress(RuntimeError):  # The loop has ended.
            finished.get_loop().call_soon_threadsafe(_set_finished, finished)


class _ServerSide:
    """What the server does for a request while it waits for a hash."""

    def __init__(
        self,
        threads: Threads[Exchange],
        processor: OneProcessor,
        connection: Connection,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._threads = threads
        self._processor = processor
        self._connection = connection
        self._loop = loop
        self._watch: asyncio.Task[None] | None = None
        self._gone = False

    @contextmanager
    def thread_lent(self) -> Iterator[None]:
        """Let another thread serve meanwhile, and notice if the client hangs up."""
        with suppress(RuntimeError):  # The loop has ended.
            self._loop.call_soon_threadsafe(self._start_watch)
        try:
            with self._threads.lent(), self._processor.anywhere():
                yield
        finally:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._end_watch)

    def is_gone(self) -> bool:
        return self._gone

    def _start_watch(self) -> None:
        self._watch = self._loop.create_task(self._wait_for_end())

    def _end_watch(self) -> None:
        if self._watch:
            self._watch.cancel()
            self._watch = None

    async def _wait_for_end(self) -> None:
        await self._connection.client_disconnect()
        self._gone = True


def _set_finished(finished: asyncio.Future[None]) -> None:
    if not finished.done():
        finished.set_result(None)


def _remote_address(environment: Environment, _start_response: Any) -> list[bytes]:
    return [environment["REMOTE_ADDR"].encode()]
