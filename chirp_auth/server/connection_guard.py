"""The connection guard: closes connections that wait for nothing, so that no client can hold them all.

granian ends a connection whose next request's header does not come in time. What it has no setting for is how many
connections one client may hold. This thread looks at the process's own sockets; it works on Linux and does nothing
elsewhere.
"""

import os
import socket
import struct
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from threading import Thread

import structlog

MAX_CONNECTIONS = 4096  # For each process.
MAX_CONNECTIONS_OF_A_CLIENT = 256
SPARE_FILES = 256  # For databases, logs, and connections that are accepted while others are being closed.
MAX_IDLE_SECONDS = 120.0
LOOK_SECONDS = 0.25
LOOK_AT_ALL_SECONDS = 10.0

_DESCRIPTORS = Path("/proc/self/fd")
_TCP_ESTABLISHED = 1
_TCP_INFO_BYTES = 60  # struct tcp_info of linux/tcp.h, up to its fields for times
_LAST_DATA_SENT, _LAST_DATA_RECEIVED = 44, 52

log = structlog.get_logger("server")


@dataclass(frozen=True, slots=True)
class Connection:
    """One open connection of a client's, through a descriptor of our own, which nobody else closes or reuses."""

    line: socket.socket
    client: str
    peer: str
    idle_seconds: float


def raise_file_limit() -> None:
    """Let this process and its children open as many files as MAX_CONNECTIONS needs, if its hard limit allows."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + SPARE_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def most_connections() -> int:
    """Return how many connections a process can hold under its file limit."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return MAX_CONNECTIONS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(64, min(MAX_CONNECTIONS, soft - SPARE_FILES))


def start(port: int, answering: Set[str], *, behind_a_proxy: bool) -> None:
    """Watch the connections to `port`; those of the peers in `answering` wait for us and are left alone.

    Behind a proxy all connections are the proxy's, so that none is counted against their client.
    """
    if not sys.platform.startswith("linux") or not _DESCRIPTORS.exists():
        return
    share = None if behind_a_proxy else MAX_CONNECTIONS_OF_A_CLIENT
    arguments = (port, answering, share)
    Thread(target=_watch, args=arguments, name="connection-guard", daemon=True).start()


def surplus(connections: Sequence[Connection], share: int | None, most: int) -> list[Connection]:
    """Return what to close: what is idle for too long, is over its client's share, or leaves no room for others."""
    waiting = sorted(connections, key=lambda connection: connection.idle_seconds, reverse=True)
    closing = {id(connection): connection for connection in waiting if connection.idle_seconds > MAX_IDLE_SECONDS}
    of_client: defaultdict[str, list[Connection]] = defaultdict(list)
    for connection in waiting:
        of_client[connection.client].append(connection)
    if share is not None:
        for held in of_client.values():
            closing |= {id(connection): connection for connection in held[: max(0, len(held) - share)]}
    left = [connection for connection in waiting if id(connection) not in closing]
    if len(left) > most * 9 // 10:
        closing |= {id(connection): connection for connection in left[: len(left) - most * 3 // 4]}
    return list(closing.values())


def _watch(port: int, answering: Set[str], share: int | None) -> None:
    most = most_connections()
    few = min(share or most, most * 9 // 10)
    looked_at_all = time.monotonic()
    while True:
        time.sleep(LOOK_SECONDS)
        now = time.monotonic()
        if len(os.listdir(_DESCRIPTORS)) <= few and now < looked_at_all + LOOK_AT_ALL_SECONDS:  # noqa: PTH208 - names
            continue
        looked_at_all = now
        try:
            _look(port, answering, share, most)
        except OSError as error:  # No descriptor is left, for example; closing some needs none the next time.
            log.warning("connections cannot be looked at", error=type(error).__name__)


def _look(port: int, answering: Set[str], share: int | None, most: int) -> None:
    connections = list(_connections(port))
    try:
        idle = [connection for connection in connections if connection.peer not in answering]
        closing = surplus(idle, share, most)
        for connection in closing:
            _shut_down(connection.line)
        if closing:
            log.warning("connections closed", closed=len(closing), open=len(connections) - len(closing))
    finally:
        for connection in connections:
            connection.line.close()


def _connections(port: int) -> Iterator[Connection]:
    for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208 - names, not paths
        try:
            if not os.readlink(_DESCRIPTORS / name).startswith("socket:"):  # noqa: PTH115 - its text alone
                continue
            line = socket.socket(fileno=os.dup(int(name)))
        except OSError:
            continue  # It was closed since.
        connection = _described(line, port)
        if connection:
            yield connection
        else:
            line.close()


def _described(line: socket.socket, port: int) -> Connection | None:
    try:
        if line.type != socket.SOCK_STREAM or line.family not in (socket.AF_INET, socket.AF_INET6):
            return None
        if line.getsockname()[1] != port:
            return None
        told = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        if told[0] != _TCP_ESTABLISHED:
            return None
        host, peer_port = line.getpeername()[:2]
    except OSError:
        return None
    idle = min(struct.unpack_from("=I", told, at)[0] for at in (_LAST_DATA_SENT, _LAST_DATA_RECEIVED))
    peer = f"[{host}]:{peer_port}" if ":" in host else f"{host}:{peer_port}"
    return Connection(line, _client(host), peer, idle / 1000)


def _client(host: str) -> str:
    """Return whose share a connection uses: an IPv4 address, or the /64 network of an IPv6 one."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ip_network((address, 64), strict=False))
    return str(address)


def _shut_down(line: socket.socket) -> None:
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # The client was faster.
