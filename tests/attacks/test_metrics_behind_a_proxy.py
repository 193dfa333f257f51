"""A proxy that passes bytes on, and adds no header, opens no metrics: it looks like this machine itself."""

import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from werkzeug.serving import make_server

from chirp_auth import create_app
from config import Settings

IN_PRODUCTION: dict[str, Any] = {
    "app_env": "production",
    "smtp_host": "127.0.0.1",
    "smtp_security": "none",
    "bcrypt_cost": 10,
}


@pytest.fixture
def behind_a_tcp_proxy(settings: Settings, request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a proxy for TCP in front of a server with the parameter's settings."""
    server = make_server("127.0.0.1", 0, create_app(settings.model_copy(update=request.param)), threaded=True)
    listener = socket.create_server(("127.0.0.1", 0))
    threads = [
        threading.Thread(target=server.serve_forever, daemon=True),
        threading.Thread(target=_pass_on, args=(listener, server.server_port), daemon=True),
    ]
    for thread in threads:
        thread.start()
    yield int(listener.getsockname()[1])
    listener.close()
    server.shutdown()
    server.server_close()


def _pass_on(listener: socket.socket, port: int) -> None:
    """Pass one connection's bytes on, in both directions, until it ends."""
    near, _ = listener.accept()
    far = socket.create_connection(("127.0.0.1", port))
    back = threading.Thread(target=_copy, args=(far, near), daemon=True)
    back.start()
    _copy(near, far)
    back.join(10)
    near.close()
    far.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while received := source.recv(65536):
            target.sendall(received)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("behind_a_tcp_proxy", "status"), [(IN_PRODUCTION, 404), ({}, 200)], indirect=["behind_a_tcp_proxy"]
)
def test_in_production_a_proxy_that_passes_bytes_on_shows_no_metrics(behind_a_tcp_proxy: int, status: int) -> None:
    connection = HTTPConnection("127.0.0.1", behind_a_tcp_proxy, timeout=10)

    connection.request("GET", "/metrics", headers={"Host": "localhost", "Connection": "close"})
    answer = connection.getresponse()

    assert answer.status == status, "development, where nothing stands in front, shows that the path is right"
    assert (b"chirp_auth_" in answer.read()) == (status == 200)
    connection.close()
