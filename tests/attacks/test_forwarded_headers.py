"""Forwarded headers: what a client sends beside the proxy's never becomes its address."""

import itertools
import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.server import Application, application

REAL_NETWORK, FORGED_NETWORK = "198.51.100.", "203.0.113."
BODY = b'{"email": "alice@example.com"}'
NUMBERS = itertools.count(1)
SMUGGLED = [
    "X_Forwarded_For: {0}",
    "x_forwarded-for: {0}",
    "X-Forwarded_For: {0}",
    "X-Forwarded-For: {0}",
    'X-Forwarded-For: {0}:"',
    "X-Forwarded-For: {0}\r\nX_Forwarded_For: {0}",
    "X_Forwarded_For: {0}\r\nX-Forwarded-For: {0}",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Application]:
    with application({"BCRYPT_COST": "4", "TRUSTED_PROXY_HOPS": "1"}, folder) as running:
        yield running


@pytest.fixture
def real() -> str:
    """The address of a client of its own for this test, with a budget that is whole."""
    return f"{REAL_NETWORK}{next(NUMBERS)}"


def status_of(server: Application, *headers: str) -> int:
    return int(answer_to(server, *headers).split()[1])


def answer_to(server: Application, *headers: str) -> str:
    """Return the answer to a forgot-password whose header is written as a proxy would pass it on."""
    lines = ["POST /api/v1/auth/forgot-password HTTP/1.1", "Host: x", "Content-Type: application/json"]
    lines += [*headers, f"Content-Length: {len(BODY)}", "Connection: close", "", ""]
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=10)) as connection:
        connection.sendall("\r\n".join(lines).encode() + BODY)
        with connection.makefile("rb") as answer:
            return answer.read().decode()


def test_no_header_of_a_client_gives_it_another_budget(server: Application, real: str) -> None:
    proxys = f"X-Forwarded-For: {real}"
    assert [status_of(server, proxys) for _ in range(4)] == [200, 200, 200, 429]

    for header in SMUGGLED:
        forged = header.format(f"{FORGED_NETWORK}{next(NUMBERS)}")
        assert status_of(server, forged, proxys) == 429, forged
        if "-For" not in header:
            assert status_of(server, proxys, forged) == 429, forged


def test_underscored_lengths_and_codings_are_nobodys(server: Application, real: str) -> None:
    assert status_of(server, "Content_Length: 99999", f"X-Forwarded-For: {real}") == 200
    assert status_of(server, "Transfer_Encoding: chunked", f"X-Forwarded-For: {real}") == 200


def test_the_audit_trail_has_the_proxys_word(server: Application, folder: Path, real: str) -> None:
    proxys = f"X-Forwarded-For: {real}"
    forged = [f"{FORGED_NETWORK}{next(NUMBERS)}" for _ in SMUGGLED]
    for header, address in zip(SMUGGLED, forged, strict=True):
        answer_to(server, header.format(address), proxys)
        if "-For" not in header:
            answer_to(server, proxys, header.format(address))

    def column(query: str) -> set[str]:
        # Kept open, sqlite3's connection would hold a lock.
        with closing(sqlite3.connect(folder / "chirp.db")) as database:
            return {value for (value,) in database.execute(query)}

    server.wait_until(lambda: column("SELECT id FROM outbox WHERE NOT is_recorded") == set())
    addresses = column("SELECT ip FROM security_events WHERE kind LIKE 'password_reset%'")
    assert real in addresses
    assert {address for address in addresses if not address.startswith(REAL_NETWORK)} == set()


def test_no_client_writes_its_own_reference(server: Application, real: str) -> None:
    for header in ("X_Request_Id", "X-Request-Id", "x_request-id"):
        answer = answer_to(server, f"{header}: forged-by-hand", f"X-Forwarded-For: {real}")

        assert "forged-by-hand" not in answer
        assert re.search(r"^x-request-id: [0-9a-f]{16}\r$", answer, re.MULTILINE)


# Its date and reference, its session cookie, and the token of the forms in it.
OF_EACH_ANSWER = r"(?m)^date: .*$|[0-9a-f]{16}|^set-cookie: session=.*$|(?<= value=\")[\w.-]+"


def test_no_client_says_for_the_proxy_whether_its_connection_is_encrypted(server: Application) -> None:
    def answer_of(*headers: str) -> str:
        lines = ["GET /nowhere HTTP/1.1", "Host: x", *headers, "Connection: close", "", ""]
        with closing(socket.create_connection(("127.0.0.1", server.port), timeout=10)) as connection:
            connection.sendall("\r\n".join(lines).encode())
            with connection.makefile("rb") as answer:
                return re.sub(OF_EACH_ANSWER, "", answer.read().decode())

    for real in ("http", "https"):
        forged = "https" if real == "http" else "http"
        expected = answer_of(f"X-Forwarded-Proto: {real}")
        for name in ("X_Forwarded_Proto", "x_forwarded-proto", "X-Forwarded_Proto"):
            assert answer_of(f"{name}: {forged}", f"X-Forwarded-Proto: {real}") == expected
            assert answer_of(f"X-Forwarded-Proto: {real}", f"{name}: {forged}") == expected
