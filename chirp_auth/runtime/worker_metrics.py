"""The metrics of a worker that no server started: what it counts itself, at /metrics on a port of its own.

What is read from the database is left to the server's page, which is right for any number of workers.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from chirp_auth import metrics
from chirp_auth.extensions import settings
from chirp_auth.runtime.metrics_endpoint import bears

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


@contextmanager
def shown(host: str, port: int) -> Iterator[None]:
    """Answer at /metrics until the block ends: with METRICS_TOKEN to whoever sends it, without one to everybody.

    Raises:
        OSError: the port is busy, or the host is not of this machine.
    """
    registry = CollectorRegistry()
    for counter in (metrics.mails, metrics.events):
        registry.register(counter)
    token = settings.metrics_token

    def show(request: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        is_allowed = token is None or bears(request.get("HTTP_AUTHORIZATION", ""), token)
        if not is_allowed or (request["REQUEST_METHOD"], request["PATH_INFO"]) != ("GET", "/metrics"):
            start_response("404 Not Found", [("Content-Length", "0")])
            return []
        start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
        return [generate_latest(registry)]

    with make_server(host, port, show, _Server, _Handler) as server:
        threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


class _Server(ThreadingMixIn, WSGIServer):
    """A scraper that hangs holds up no other, nor the end of the process."""

    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = 10

    def log_message(self, *_about: object) -> None:
        """Write no line for each scrape."""
