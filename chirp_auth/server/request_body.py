"""Request bodies, read by the event loop: each has a deadline, and all that are in memory together have a limit.

Apache's mod_reqtimeout bounds a body in the same way: a time to begin with, and more for what arrives fast enough.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Protocol

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]  # its public name, not marked as exported

from chirp_auth.errors import RequestTimeout, ServiceBusy
from chirp_auth.http.body_buffer import MAX_BODIES_OF_A_CLIENT, MAX_BYTES, MAX_READ_OFF_BYTES

GRACE_SECONDS = 30.0
MIN_BYTES_PER_SECOND = 500
MAX_SECONDS = 60.0
SMALL_BYTES = 64 * 1024
MAX_BYTES_IN_MEMORY = 48 * MAX_BYTES
MAX_BYTES_OF_A_CLIENT = 12 * MAX_BYTES


class Stream(Protocol):
    """granian's protocol object, as far as it hands out a body."""

    async def __call__(self) -> bytes: ...
    def __aiter__(self) -> AsyncIterator[bytes]: ...


class RequestBodies:
    """Reads bodies. Only the event loop's thread calls it, so that its counts need no lock."""

    def __init__(self) -> None:
        self._bodies: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._all_bytes = 0

    @contextmanager
    def read_for(self, client: str) -> Iterator["Body"]:
        """Yield what reads one body; its memory counts as the client's until the block ends.

        Raises:
            ServiceBusy: this client has as many bodies on their way as it may.
        """
        if self._bodies[client] >= MAX_BODIES_OF_A_CLIENT:
            raise ServiceBusy
        self._bodies[client] += 1
        body = Body(self, client)
        try:
            yield body
        finally:
            self.count(client, -body.counted)
            self._bodies[client] -= 1
            if not self._bodies[client]:
                del self._bodies[client], self._bytes[client]

    def count(self, client: str, size: int) -> None:
        """Add to what is in memory, or take from it.

        Raises:
            ServiceBusy: that would be too much, for this client or for all together.
        """
        if size > 0 and (
            self._all_bytes + size > MAX_BYTES_IN_MEMORY or self._bytes[client] + size > MAX_BYTES_OF_A_CLIENT
        ):
            raise ServiceBusy
        self._all_bytes += size
        self._bytes[client] += size


class Body:
    """One body on its way."""

    def __init__(self, bodies: RequestBodies, client: str) -> None:
        self._bodies = bodies
        self._client = client
        self.counted = 0

    async def read(self, stream: Stream, length: int | None) -> bytes:
        """Return the body, of what is over the limit one byte alone; `length` is the announced one, if any.

        Raises:
            RequestTimeout: it took too long.
            ServiceBusy: too much is in memory.
        """
        try:
            if length is not None and length <= SMALL_BYTES:
                self._count(length)
                async with asyncio.timeout(_seconds(length)):
                    return await _whole(stream)
            return await self._in_pieces(stream)
        except TimeoutError:
            raise RequestTimeout from None

    async def _in_pieces(self, stream: Stream) -> bytes:
        body = bytearray()
        received = 0
        started = asyncio.get_running_loop().time()
        async with asyncio.timeout(_seconds(0)) as deadline:
            async for piece in stream:
                received += len(piece)
                kept = piece[: MAX_BYTES + 1 - len(body)]
                self._count(len(kept))
                body += kept
                if received > MAX_BYTES + MAX_READ_OFF_BYTES:
                    break  # Up to here the rest is read off: a client that still sends might never see the answer.
                deadline.reschedule(started + _seconds(received))
        return bytes(body)

    def _count(self, size: int) -> None:
        self._bodies.count(self._client, size)
        self.counted += size


async def _whole(stream: Stream) -> bytes:
    try:
        return await stream()
    except ProtocolClosed:
        return b""  # The client hung up or stopped sending; who reads less than the announced length says so.


def _seconds(received: int) -> float:
    return min(MAX_SECONDS, GRACE_SECONDS + received / MIN_BYTES_PER_SECOND)
