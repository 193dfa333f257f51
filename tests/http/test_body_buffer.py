"""The body buffer: who sends a body slowly, cut off or far too large keeps nobody else waiting."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest

from chirp_auth.http.body_buffer import MAX_BODIES_OF_A_CLIENT
from tests.support.server import Application, application

FORGOT = "/api/v1/auth/forgot-password"
BODY = b'{"email": "alice@example.com"}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    settings = {"RATE_LIMITS_ENABLED": "false", "WEB_THREADS": "2"}
    with application(settings, tmp_path_factory.mktemp("server")) as running:
        yield running


def announce(server: Application, length: int = len(BODY), host: str = "127.0.0.1") -> socket.socket:
    """Open a connection that announces a body and sends none of it, from an address of this machine."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10, source_address=(host, 0))
    head = f"POST {FORGOT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def ask(server: Application, host: str = "127.0.0.1") -> int:
    """Return the status of a request as others make it, from an address of this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10, source_address=(host, 0))
    with closing(connection):
        connection.request("POST", FORGOT, BODY, {"Content-Type": "application/json"})
        return connection.getresponse().status


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str]]:
    with http.client.HTTPResponse(connection) as answer:
        answer.begin()
        return answer.status, json.load(answer)


def test_bodies_that_never_come_keep_nobody_waiting(server: Application) -> None:
    with ExitStack() as open_connections:
        stalled = [open_connections.enter_context(announce(server)) for _ in range(50)]

        assert ask(server) == 200

        stalled[0].sendall(BODY)
        assert read_answer(stalled[0])[0] == 200


def test_one_client_cannot_take_all_the_waiting_places(server: Application) -> None:
    with ExitStack() as open_connections:
        count = MAX_BODIES_OF_A_CLIENT + 5
        stalled = [open_connections.enter_context(announce(server, host="127.0.0.3")) for _ in range(count)]

        refusals = []
        for connection in stalled:
            connection.settimeout(0.01)
            with suppress(TimeoutError):
                refusals.append(read_answer(connection))

        assert [(status, told["code"]) for status, told in refusals] == [(503, "SERVICE_BUSY")] * 5
        assert ask(server, host="127.0.0.2") == 200
    server.wait_until(lambda: ask(server, host="127.0.0.3") == 200)


def test_a_body_that_was_cut_off_is_refused(server: Application) -> None:
    with announce(server, length=len(BODY) + 10) as connection:
        connection.sendall(BODY)
        connection.shutdown(socket.SHUT_WR)

        assert read_answer(connection)[0] == 400


@pytest.mark.parametrize("in_chunks", [True, False])
def test_whoever_sends_far_too_much_still_sees_why_it_is_refused(server: Application, in_chunks: bool) -> None:
    body = [b'{"email": "', b"a" * 3_000_000, b'"}']
    for _ in range(10):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        headers = {"Content-Type": "application/json"} | ({"Transfer-Encoding": "chunked"} if in_chunks else {})
        connection.request(
            "POST", FORGOT, iter(body) if in_chunks else b"".join(body), headers, encode_chunked=in_chunks
        )
        answer = connection.getresponse()

        assert (answer.status, json.load(answer)["code"]) == (413, "PAYLOAD_TOO_LARGE")
        connection.close()
