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

BODY = b'{"email": "alice@example.com"}'
REAL = "198.51.100.7"
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


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Application]:
    with application({"BCRYPT_COST": "4", "TRUSTED_PROXY_HOPS": "1"}, tmp_path) as running:
        yield running


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


def test_no_header_of_a_client_gives_it_another_budget(server: Application) -> None:
    real = f"X-Forwarded-For: {REAL}"
    assert [status_of(server, real) for _ in range(4)] == [200, 200, 200, 429]

    for header in SMUGGLED:
        forged = header.format(f"203.0.113.{next(NUMBERS)}")
        assert status_of(server, forged, real) == 429, forged
        if "-For" not in header:
            assert status_of(server, real, forged) == 429, forged


def test_underscored_lengths_and_codings_are_nobodys(server: Application) -> None:
    assert status_of(server, "Content_Length: 99999", "X-Forwarded-For: 198.51.100.8") == 200
    assert status_of(server, "Transfer_Encoding: chunked", "X-Forwarded-For: 198.51.100.8") == 200


def test_the_audit_trail_has_the_proxys_word(server: Application, tmp_path: Path) -> None:
    real = f"X-Forwarded-For: {REAL}"
    for header in SMUGGLED:
        answer_to(server, header.format(f"203.0.113.{next(NUMBERS)}"), real)
        if "-For" not in header:
            answer_to(server, real, header.format(f"203.0.113.{next(NUMBERS)}"))

    def rows(query: str) -> list[tuple[object, ...]]:
        # Kept open, sqlite3's connection would hold a lock.
        with closing(sqlite3.connect(tmp_path / "chirp.db")) as database:
            return database.execute(query).fetchall()

    server.wait_until(lambda: rows("SELECT 1 FROM outbox WHERE NOT is_recorded") == [])
    assert rows("SELECT DISTINCT ip FROM security_events WHERE kind LIKE 'password_reset%'") == [(REAL,)]


def test_no_client_writes_its_own_reference(server: Application) -> None:
    for header in ("X_Request_Id", "X-Request-Id", "x_request-id"):
        answer = answer_to(server, f"{header}: forged-by-hand", f"X-Forwarded-For: {REAL}")

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
