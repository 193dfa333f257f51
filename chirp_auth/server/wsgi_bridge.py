"""From granian's description of a request to a WSGI environment (PEP 3333), and calling the application with it.

A WSGI environment has one name for X-Forwarded-For and X_Forwarded_For, and granian's own WSGI interface lets the last
of them win. A client could overwrite what the proxy says, so headers with an underscore are dropped here; nginx,
Werkzeug, gunicorn and waitress do the same.
"""

import sys
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any, Protocol

from chirp_auth.http import body_buffer

Environment = dict[str, Any]
Header = tuple[str, str]
Wsgi = Callable[[Environment, Any], Iterable[bytes]]

UNPREFIXED = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


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


def environment_of(scope: Scope) -> Environment:
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


def put_body(environment: Environment, body: bytes) -> None:
    """Put a body that was read whole into the environment."""
    environment["wsgi.input"] = BytesIO(body)
    environment[body_buffer.BODY_READ] = True
    # A body in chunks has its length now (RFC 9112, 6.3). One that was announced and cut off keeps the announced
    # length, by which Werkzeug notices it.
    if environment.pop("HTTP_TRANSFER_ENCODING", None):
        environment["CONTENT_LENGTH"] = str(len(body))


def call(application: Wsgi, environment: Environment) -> tuple[int, list[Header], bytes]:
    """Return the status, headers and body with which the application answers."""
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


def _as_latin_1(text: str) -> str:
    return text if text.isascii() else text.encode().decode("latin-1")
