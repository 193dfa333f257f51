"""The body buffer: a request takes one of the WEB_THREADS places only when its whole body is here.

So a slow or stalled upload never occupies one of them. Our own server reads bodies in `request_body`, with a deadline.
Under another server an upload occupies one of that server's threads, and one client may have only so many of them.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from io import BytesIO
from threading import Lock
from typing import Any

from flask import Flask, request

from chirp_auth.errors import ServiceBusy
from chirp_auth.http.places import Places

MAX_BYTES = 1024 * 1024
MAX_READ_OFF_BYTES = 4 * MAX_BYTES
PIECE_BYTES = 64 * 1024
MAX_BODIES_OF_A_CLIENT = 250

BODY_READ = "chirp_auth.body_read"  # Our own server has read the body, as `request_body` says.
REFUSAL = "chirp_auth.refusal"  # Why a body was not read; an AuthError.

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def init_app(app: Flask, places: Places) -> None:
    """Let a request take one of the places when its body is complete."""
    buffered: Any = BodyBuffer(app.wsgi_app, places)
    app.wsgi_app = buffered  # type: ignore[method-assign]  # Flask's documented place for it

    @app.before_request
    def refuse() -> None:
        if REFUSAL in request.environ:
            raise request.environ[REFUSAL]


class BodyBuffer:
    """The WSGI middleware between the server and the application."""

    def __init__(self, app: Wsgi, places: Places) -> None:
        self._app = app
        self._places = places
        self._bodies: Counter[str] = Counter()  # On their way, by client.
        self._lock = Lock()

    def __call__(self, environment: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if BODY_READ not in environment and (
            environment.get("CONTENT_LENGTH", "0") != "0" or "HTTP_TRANSFER_ENCODING" in environment
        ):
            self._read(environment)
        with self._places.taken(environment):
            return self._app(environment, start_response)

    def _read(self, environment: dict[str, Any]) -> None:
        """Replace the stream by the whole body; of what is over the limit one byte is kept, the rest discarded."""
        client = environment.get("REMOTE_ADDR", "")
        with self._lock:
            if self._bodies[client] >= MAX_BODIES_OF_A_CLIENT:
                environment[REFUSAL] = ServiceBusy()
                return
            self._bodies[client] += 1
        try:
            length = _announced(environment)
            body = environment["wsgi.input"].read(min(length, MAX_BYTES + 1))
            if len(body) > MAX_BYTES:
                _read_off(environment["wsgi.input"], length - len(body))
        finally:
            with self._lock:
                self._bodies[client] -= 1
                if not self._bodies[client]:
                    del self._bodies[client]
        environment["wsgi.input"] = BytesIO(body)
        environment.pop("wsgi.input_terminated", None)  # With a length alone, Werkzeug notices a body that was cut off.
        if environment.pop("HTTP_TRANSFER_ENCODING", None):  # A body in chunks has its length now (RFC 9112, 6.3).
            environment["CONTENT_LENGTH"] = str(len(body))


def _announced(environment: dict[str, Any]) -> int:
    """Return how much may be asked of the stream: some servers wait for ever for what is beyond the length."""
    if "HTTP_TRANSFER_ENCODING" in environment:  # In chunks, whose end the server knows.
        return MAX_BYTES + 1 + MAX_READ_OFF_BYTES
    text = environment.get("CONTENT_LENGTH", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _read_off(stream: Any, rest: int) -> None:
    """Read the rest and discard it: a client that is still sending might never see the answer."""
    left = min(rest, MAX_READ_OFF_BYTES)
    while left > 0 and (piece := stream.read(min(left, PIECE_BYTES))):
        left -= len(piece)
