"""The application behind granian's RSGI interface, which shows each header under the name that was sent.

A WSGI environment has one name for X-Forwarded-For and X_Forwarded_For, and granian's own WSGI interface lets the last
of them win. A client could overwrite what the proxy says, so headers with an underscore are dropped here; nginx,
Werkzeug, gunicorn and waitress do the same.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from io import BytesIO
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol

import structlog
from werkzeug.middleware.proxy_fix import ProxyFix

from chirp_auth.errors import AuthError
from chirp_auth.http import body_buffer
from chirp_auth.http.forwarded_headers import WithoutQuotes
from chirp_auth.server.request_body import RequestBodies, Stream

Environment = dict[str, Any]
Header = tuple[str, str]
Wsgi = Callable[[Environment, Any], Iterable[bytes]]

UNPREFIXED = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}

BROKEN = b"Something went wrong on our side.\n"

log = structlog.get_logger("server")


class Headers(Protocol):
    """granian's headers."""

    def items(self) -> list[Header]: ...


class Scope(Protocol):
    """granian's description of a request, without its body."""

    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str
    authority: str | None
    headers: Headers


class Connection(Stream, Protocol):
    """granian's protocol object: hands out a body, takes an answer."""

    def response_bytes(self, status: int, headers: list[Header], body: bytes, /) -> None: ...


class Adapter:
    """Serves a WSGI application with a fixed number of threads; a request gets one when its body is complete."""

    def __init__(self, application: Wsgi, *, threads: int, trusted_hops: int) -> None:
        self._application = application
        self._threads = threads
        self._bodies = RequestBodies()
        self._client_of: Wsgi = WithoutQuotes(ProxyFix(_remote_address, x_for=trusted_hops))
        self._waiting: SimpleQueue[tuple[Environment, Connection, asyncio.Future[None]]] = SimpleQueue()
        self.answering: set[str] = set()
        """The peers, as address:port, whose requests are complete and wait for their answers."""

    def __rsgi_init__(self, _loop: asyncio.AbstractEventLoop) -> None:
        """Start the threads; granian calls this once in each serving process."""
        for number in range(self._threads):
            Thread(target=self._work, name=f"request-{number}", daemon=True).start()

    async def __rsgi__(self, scope: Scope, connection: Connection) -> None:
        """Read the request, hand it to a thread and wait for the end of it."""
        environment = _environment(scope)
        length = environment.get("CONTENT_LENGTH")
        if length in (None, "0") and "HTTP_TRANSFER_ENCODING" not in environment:
            await self._answer(environment, connection)
            return
        (client,) = self._client_of(dict(environment), None)
        try:
            with self._bodies.read_for(client.decode()) as reader:
                body = await reader.read(connection, int(length) if length else None)
                _put(environment, body)
                await self._answer(environment, connection)
        except AuthError as refusal:
            environment[body_buffer.REFUSAL] = refusal
            _put(environment, b"")
            await self._answer(environment, connection)

    async def _answer(self, environment: Environment, connection: Connection) -> None:
        finished = asyncio.get_running_loop().create_future()
        peer = environment["chirp_auth.peer"]
        self.answering.add(peer)
        self._waiting.put((environment, connection, finished))
        try:
            await finished
        finally:
            self.answering.discard(peer)

    def _work(self) -> None:
        while True:
            environment, connection, finished = self._waiting.get()
            try:
                connection.response_bytes(*_call(self._application, environment))
            except Exception as error:
                log.exception("bug", exc_info=error)
                with suppress(Exception):  # It was answered, or its client has gone.
                    connection.response_bytes(500, [("Content-Type", "text/plain")], BROKEN)
            with suppress(RuntimeError):  # The loop has ended.
                finished.get_loop().call_soon_threadsafe(_finish, finished)
            del environment, connection, finished  # A thread that waits for work keeps no body.


def _environment(scope: Scope) -> Environment:
    """Return the WSGI environment (PEP 3333) without a body."""
    environment: Environment = {}
    for name, value in scope.headers.items():
        if "_" in name:
            continue
        key = UNPREFIXED.get(name) or "HTTP_" + name.upper().replace("-", "_")
        if key == "CONTENT_LENGTH":
            environment[key] = value  # hyper lets several in only if they are equal.
        elif key in environment:
            environment[key] += ("; " if name == "cookie" else ",") + value
        else:
            environment[key] = value
    if scope.authority:
        environment.setdefault("HTTP_HOST", scope.authority)
    client, _, client_port = scope.client.rpartition(":")
    server, _, server_port = scope.server.rpartition(":")
    environment |= {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": _as_latin_1(scope.path),
        "QUERY_STRING": _as_latin_1(scope.query_string),
        "SERVER_NAME": server.strip("[]"),
        "SERVER_PORT": server_port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": client.strip("[]"),
        "REMOTE_PORT": client_port,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "chirp_auth.peer": scope.client,
    }
    return environment


def _put(environment: Environment, body: bytes) -> None:
    environment["wsgi.input"] = BytesIO(body)
    environment[body_buffer.BODY_READ] = True
    # A body in chunks has its length now (RFC 9112, 6.3). One that was announced and cut off keeps the announced
    # length, by which Werkzeug notices it.
    if environment.pop("HTTP_TRANSFER_ENCODING", None):
        environment["CONTENT_LENGTH"] = str(len(body))


def _call(application: Wsgi, environment: Environment) -> tuple[int, list[Header], bytes]:
    status, headers = 500, []

    def start_response(line: str, fields: list[Header], _exc_info: Any = None) -> Callable[[bytes], None]:
        nonlocal status, headers
        status, headers = int(line[:3]), fields
        return written.append

    written: list[bytes] = []
    answer = application(environment, start_response)
    try:
        written.extend(answer)
    finally:
        close = getattr(answer, "close", None)
        if close:
            close()
    return status, headers, b"".join(written)


def _finish(finished: asyncio.Future[None]) -> None:
    if not finished.done():
        finished.set_result(None)


def _as_latin_1(text: str) -> str:
    return text if text.isascii() else text.encode().decode("latin-1")


def _remote_address(environment: Environment, _start_response: Any) -> list[bytes]:
    return [environment["REMOTE_ADDR"].encode()]
