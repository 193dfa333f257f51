"""`python -m bench.hostile`: what does the memory of a web process do while strangers send as much as they may?

Bodies of 1 MB, in the shapes that cost most to keep or to read, and headers and query strings as long as the server
takes them, from several addresses of this machine, with the settings of production. It fails above `LIMIT_MB`.
"""

import argparse
import itertools
import os
import secrets
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bench.__main__ import _server

PORT = 5954
LIMIT_MB = 250
FULL = 1024 * 1024
WATCH_SECONDS = 0.05
TIMEOUT_SECONDS = 60
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
API = "/api/v1/auth"

NUMBERS = itertools.count()
Request = Callable[[], bytes]


def main() -> None:
    options = _options()
    statuses: Counter[str] = Counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        _server(["chirp_auth.server"], PORT, "/healthz/ready", _environment(Path(folder), options)),
    ):
        process = _web_process()
        before, highest, over = _rss(process), [0.0], threading.Event()
        watch = threading.Thread(target=_watch, args=(process, highest, over))
        watch.start()
        started = time.perf_counter()
        _send_all(options, statuses)
        seconds = time.perf_counter() - started
        over.set()
        watch.join()
        after = _rss(process)
    print(f"{options.requests} requests in {seconds:.0f} s  {dict(statuses.most_common())}")
    print(f"web process  before {before:.0f} MB  highest {highest[0]:.0f} MB  after {after:.0f} MB")
    if highest[0] >= LIMIT_MB:
        raise SystemExit(f"that is not under {LIMIT_MB} MB")


def _environment(folder: Path, options: argparse.Namespace) -> dict[str, str]:
    keys = ("SECRET_KEY", "JWT_SECRET", "AUDIT_KEY")
    return {
        **os.environ,
        **{name: secrets.token_hex(32) for name in keys},
        "APP_ENV": "production",
        "PORT": str(PORT),
        "PUBLIC_URL": "https://auth.example.com",
        "SUPPORT_EMAIL": "help@example.com",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": "9",
        "SMTP_SECURITY": "none",
        "DATABASE_URL": options.database_url or f"sqlite:///{folder / 'hostile.db'}",
        "CONCEAL_ACCOUNTS": "true",
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.hostile", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--clients", type=int, default=8, help="addresses they come from")
    parser.add_argument("--database-url", help="PostgreSQL; else SQLite in a new folder")
    return parser.parse_args()


def _send_all(options: argparse.Namespace, statuses: Counter[str]) -> None:
    turns = iter(range(options.requests))
    lock = threading.Lock()

    def send_on(number: int) -> None:
        host = f"127.0.0.{2 + number % options.clients}"
        while True:
            with lock:
                turn = next(turns, None)
            if turn is None:
                return
            status = _status(host, REQUESTS[turn % len(REQUESTS)]())
            with lock:
                statuses[status] += 1

    threads = [threading.Thread(target=send_on, args=(number,)) for number in range(options.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _status(host: str, wire: bytes) -> str:
    """Return the status of the answer, or the name of what came instead of one."""
    try:
        with closing(socket.create_connection(("127.0.0.1", PORT), TIMEOUT_SECONDS, (host, 0))) as connection:
            connection.sendall(wire)
            answer = connection.recv(4096)
            while connection.recv(65536):
                pass
            return answer[9:12].decode() or "closed"
    except OSError as error:
        return type(error).__name__


def _post(path: str, body: bytes, content_type: str = JSON, headers: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: auth.example.com\r\nContent-Type: {content_type}\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


def _filled(start: bytes, filler: bytes, end: bytes) -> bytes:
    """Return a text of the full size; each is another one, so that whatever keeps them keeps them all."""
    start += str(next(NUMBERS)).encode()
    return start + filler * ((FULL - len(start) - len(end)) // len(filler)) + end


def _padded_address() -> bytes:
    body = _filled(b'{"email": "a', b" ", '\U0001d44e@example.com"}'.encode())  # Four bytes for each, in memory.
    return _post(f"{API}/forgot-password", body)


def _wide_password() -> bytes:
    body = _filled(b'{"email": "a@example.com", "password": "', "\U0001d44e".encode(), b'"}')
    return _post(f"{API}/login", body)


def _wide_name() -> bytes:
    start = b'{"email": "a@example.com", "password": "seven quiet herons", "first_name": "'
    return _post(f"{API}/register", _filled(start, "é".encode(), b'"}'))


def _escaped_token() -> bytes:
    return _post(f"{API}/refresh", _filled(b'{"refresh_token": "', b"\\ud83d\\ude00", b'"}'))


def _deep_arrays() -> bytes:
    return _post(f"{API}/forgot-password", b"[" * (FULL // 2) + b"]" * (FULL // 2))


def _many_members() -> bytes:
    members = ",".join(f'"{number:06x}":[]' for number in range(80_000))
    return _post(f"{API}/verify-email", f'{{"token": "{next(NUMBERS)}",{members}}}'.encode())


def _form_of_many_fields() -> bytes:
    return _post("/forgot-password", b"&".join(b"%x=" % number for number in range(150_000)), FORM)


def _padded_form() -> bytes:
    return _post("/login", _filled(b"password=x&email=a", b"+", b"%F0%9D%91%8E@example.com"), FORM)


def _form_with_a_file() -> bytes:
    start = b'--x\r\nContent-Disposition: form-data; name="email"; filename="a.txt"\r\n\r\n'
    return _post("/register", _filled(start, b"a", b"\r\n--x--\r\n"), "multipart/form-data; boundary=x")


def _form_of_many_files() -> bytes:
    part = b'--x\r\nContent-Disposition: form-data; name="email"; filename="a.txt"\r\n\r\n\r\n'
    return _post("/reset-password", part * (FULL // len(part) - 1) + b"--x--\r\n", "multipart/form-data; boundary=x")


def _underscored_headers() -> bytes:
    number = next(NUMBERS)
    lines = "".join(
        f"X_Forwarded_For: 203.0.113.{number % 256}\r\nX_{number}_{at}: {'a' * 700}\r\n" for at in range(40)
    )
    return _post(f"{API}/forgot-password", _filled(b'{"email": "', b" ", b'"}'), headers=lines)


def _long_headers() -> bytes:
    number = next(NUMBERS)
    lines = f"User-Agent: {number}{'a' * 20_000}\r\nX-Request-Id: {number}{'b' * 20_000}\r\n"
    return _post(f"{API}/refresh", _filled(b'{"refresh_token": "', b"a", b'"}'), headers=lines)


def _long_query() -> bytes:
    path = f"/reset-password?token={next(NUMBERS)}{'%F0%9D%91%8E' * 2_500}&{'a=&' * 8_000}"
    return f"GET {path} HTTP/1.1\r\nHost: auth.example.com\r\nConnection: close\r\n\r\n".encode()


REQUESTS: list[Request] = [
    _padded_address,
    _wide_password,
    _wide_name,
    _escaped_token,
    _deep_arrays,
    _many_members,
    _form_of_many_fields,
    _padded_form,
    _form_with_a_file,
    _form_of_many_files,
    _underscored_headers,
    _long_headers,
    _long_query,
]


def _web_process() -> int:
    """Return the process of the server that answers: a child of the one that we started."""
    (watcher,) = (process for process in _children(os.getpid()) if "chirp_auth.server" in _command(process))
    return max(_children(watcher), key=_rss)


def _children(parent: int) -> list[int]:
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii")
    return [int(number) for number in listed.split()]


def _command(process: int) -> str:
    return Path(f"/proc/{process}/cmdline").read_text(encoding="utf-8", errors="replace")


def _rss(process: int) -> float:
    """Return its memory in MB (of 1,000,000 bytes)."""
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000


def _watch(process: int, highest: list[float], over: threading.Event) -> None:
    while not over.wait(WATCH_SECONDS):
        highest[0] = max(highest[0], _rss(process))


if __name__ == "__main__":
    main()
