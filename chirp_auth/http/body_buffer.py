"""The intake: a request's whole body is here before the request takes one of the WEB_THREADS places.

Whoever sends a body slowly, or announces one and never sends it, keeps nobody else waiting. Our own server reads bodies
in `request_body`, with a deadline. Under another one a body keeps a thread of that server's; there one client may have
only so many of them on their way.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from io import BytesIO
from threading import Lock, Semaphore
from typing import Any

from flask import Flask, request

from chirp_auth.errors import ServiceBusy

MAX_BYTES = 1024 * 1024
MAX_READ_OFF_BYTES = 4 * MAX_BYTES
PIECE_BYTES = 64 * 1024
MAX_BODIES_OF_A_CLIENT = 250

BODY_READ = "chirp_auth.body_read"  # Our own server has read the body, as `request_body` says.
REFUSAL = "chirp_auth.refusal"  # Why a body was not read; an AuthError.

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def init_app(app: Flask, places: int) -> None:
    """Let `places` requests be worked on at once, each with its body complete."""
    guarded: Any = BodyBuffer(app.wsgi_app, places)
    app.wsgi_app = guarded  # type: ignore[method-assign]  # Flask's documented place for it

    @app.before_request
    def turn_away() -> None:
        if REFUSAL in request.environ:
            raise request.environ[REFUSAL]


class BodyBuffer:
    """What stands between the server and the application."""

    def __init__(self, app: Wsgi, places: int) -> None:
        self._app = app
        self._places = Semaphore(places)
        self._coming: Counter[str] = Counter()
        self._counting = Lock()

    def __call__(self, environment: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if BODY_READ not in environment and (
            environment.get("CONTENT_LENGTH", "0") != "0" or "HTTP_TRANSFER_ENCODING" in environment
        ):
            self._take_in(environment)
        with self._places:
            return self._app(environment, start_response)

    def _take_in(self, environment: dict[str, Any]) -> None:
        """Put the whole body in the place of the stream; what is over the limit is thrown away."""
        client = environment.get("REMOTE_ADDR", "")
        with self._counting:
            if self._coming[client] >= MAX_BODIES_OF_A_CLIENT:
                environment[REFUSAL] = ServiceBusy()
                return
            self._coming[client] += 1
        try:
            body = environment["wsgi.input"].read(MAX_BYTES + 1)
            if len(body) > MAX_BYTES:
                _read_off(environment["wsgi.input"])
        finally:
            with self._counting:
                self._coming[client] -= 1
                if not self._coming[client]:
                    del self._coming[client]
        environment["wsgi.input"] = BytesIO(body)
        environment.pop("wsgi.input_terminated", None)  # With a length alone, Werkzeug notices a body that was cut off.
        if environment.pop("HTTP_TRANSFER_ENCODING", None):  # A body in chunks has its length now (RFC 9112, 6.3).
            environment["CONTENT_LENGTH"] = str(len(body))


def _read_off(stream: Any) -> None:
    """Take the rest: a client that is still sending might never see the answer."""
    left = MAX_READ_OFF_BYTES
    while left > 0 and (piece := stream.read(PIECE_BYTES)):
        left -= len(piece)
