"""Connections: silent, half-sent and slow ones are closed, and nobody is kept out meanwhile."""

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest

from tests.support.server import Application, application

FORGOT = "/api/v1/auth/forgot-password"
HEAD = f"POST {FORGOT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2000\r\n\r\n".encode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    folder = tmp_path_factory.mktemp("server")
    with application({"BCRYPT_COST": "4"}, folder, module="tests.support.impatient_server") as running:
        yield running


def status_of_login(server: Application) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)) as connection:
        connection.request("GET", "/login")
        return connection.getresponse().status


def opened(server: Application, host: str, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10, source_address=(host, 0))
    connection.sendall(sent)
    return connection


def rest_of(connection: socket.socket) -> bytes:
    """Return what the server says until it closes; fails if it does not within five seconds."""
    connection.settimeout(5)
    told = b""
    with suppress(ConnectionResetError):
        while piece := connection.recv(4096):
            told += piece
    return told


@pytest.mark.parametrize("sent", [b"", b"GET /login HTTP/1.1\r\nHos"])
def test_silent_connections_keep_nobody_out_and_are_closed(server: Application, sent: bytes) -> None:
    with ExitStack() as held:
        connections = [held.enter_context(opened(server, "127.0.0.2", sent)) for _ in range(1_100)]

        assert status_of_login(server) == 200
        for connection in connections:
            rest_of(connection)


def test_slow_bodies_of_many_addresses_end(server: Application) -> None:
    with ExitStack() as held:
        hosts = [f"127.0.0.{number}" for number in range(2, 22)]
        connections = [held.enter_context(opened(server, host, HEAD + b"{")) for host in hosts for _ in range(20)]

        assert status_of_login(server) == 200
        assert b" 408 " in rest_of(connections[0]).split(b"\r\n")[0]
        for connection in connections[1:]:
            rest_of(connection)


def test_an_idle_connection_ends(server: Application) -> None:
    with closing(opened(server, "127.0.0.2", b"GET /login HTTP/1.1\r\nHost: x\r\n\r\n")) as connection:
        started = time.monotonic()

        assert rest_of(connection).startswith(b"HTTP/1.1 200 ")
        assert time.monotonic() - started < 5
