"""A load of HTTP requests over kept-alive connections, light enough not to be what is measured."""

import itertools
import math
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

MAX_ANSWER_BYTES = 65536


@dataclass
class Load:
    """What came of a load: how many answers by status, and how long each took."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """Return the latency, in milliseconds, that this share of the answers stayed below."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000


def request(
    method: str, path: str, body: bytes = b"", content_type: str = "application/json", cookie: str = ""
) -> bytes:
    """Return a request as it goes over the wire."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\nCookie: {cookie}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def run(port: int, wire: bytes, *, connections: int, seconds: float, clients: int = 1) -> Load:
    """Send `wire` over so many connections, each waiting for its answer before it asks again.

    They come from so many addresses of this machine: 127.0.0.1, 127.0.0.2 and on.
    """
    return _drive(port, itertools.repeat(wire), connections, clients, seconds)


def send_all(port: int, wires: Sequence[bytes], *, connections: int) -> Load:
    """Send each of these once, over so many connections, each waiting for its answer before it asks again."""
    return _drive(port, iter(wires), min(connections, len(wires)), 1, math.inf)


def _drive(port: int, wires: Iterator[bytes], connections: int, clients: int, seconds: float) -> Load:
    load = Load()
    selector = selectors.DefaultSelector()
    started = time.perf_counter()
    for number in range(connections):
        line = socket.create_connection(("127.0.0.1", port), source_address=(f"127.0.0.{1 + number % clients}", 0))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.sendall(next(wires))
        selector.register(line, selectors.EVENT_READ, [line, time.perf_counter()])
    while selector.get_map() and time.perf_counter() - started < seconds:
        for key, _ in selector.select(timeout=1):
            client: socket.socket = key.data[0]
            _receive(client, load, key.data[1])
            if wire := next(wires, b""):
                key.data[1] = time.perf_counter()
                client.sendall(wire)
            else:
                selector.unregister(client)
                client.close()
    load.seconds = time.perf_counter() - started
    for key in list(selector.get_map().values()):
        key.data[0].close()
    selector.close()
    return load


def _receive(line: socket.socket, load: Load, sent: float) -> None:
    """Read one whole answer; the servers here always say its length."""
    answer = line.recv(MAX_ANSWER_BYTES)
    while b"\r\n\r\n" not in answer:
        answer += _more(line)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
    while len(body) < length:
        body += _more(line)
    load.latencies.append(time.perf_counter() - sent)
    load.statuses[int(head[9:12])] += 1


def _more(line: socket.socket) -> bytes:
    more = line.recv(MAX_ANSWER_BYTES)
    if not more:
        raise ConnectionError("the server hung up")
    return more
