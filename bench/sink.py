"""`python -m bench.sink PORT LOG`: a mail server that takes everything, and can take its time.

It writes a line to LOG for each mail, when it has accepted it: the seconds of CLOCK_MONOTONIC and the recipient.
"""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

MAX_MESSAGE_BYTES = 1_000_000
POLL_SECONDS = 0.01
GREETING = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"


class Mail(NamedTuple):
    """When a mail was accepted, on the clock of `time.monotonic()` in any process of this machine, and to whom."""

    at: float
    recipient: str


class Sink:
    """A running sink, seen by the benchmark that started it."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self._log = log

    def mails(self) -> list[Mail]:
        """Return all that were accepted, oldest first."""
        lines = self._log.read_text(encoding="utf-8").split("\n")[:-1]
        return [Mail(float(at), recipient) for at, _, recipient in (line.partition(" ") for line in lines)]

    def wait_for(self, count: int, patience: float) -> list[Mail]:
        """Wait until so many were accepted, or none has come for `patience` seconds; return them all."""
        size, changed = -1, time.monotonic()
        while time.monotonic() - changed < patience:
            if (now := self._log.stat().st_size) != size:
                size, changed = now, time.monotonic()
                if len(self.mails()) >= count:
                    break
            time.sleep(POLL_SECONDS if count < 100 else 10 * POLL_SECONDS)
        return self.mails()


@contextmanager
def running(port: int, folder: Path, *, seconds: float = 0.0, only_when_idle: bool = False) -> Iterator[Sink]:
    """Run a sink as a process of its own, with its log in `folder`.

    With `only_when_idle` it takes no core that anybody else wants, as if it ran on another machine.
    """
    log = folder / "sink.log"
    log.write_text("")
    command = [sys.executable, "-m", "bench.sink", str(port), str(log), "--seconds", str(seconds)]
    child = subprocess.Popen(command, cwd=Path(__file__).parents[1])
    if only_when_idle:
        os.sched_setscheduler(child.pid, os.SCHED_IDLE, os.sched_param(0))
    try:
        while child.poll() is None and not _listens(port):
            time.sleep(POLL_SECONDS)
        yield Sink(port, log)
    finally:
        child.terminate()
        child.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.sink", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("log", type=Path)
    parser.add_argument("--seconds", type=float, default=0.0, help="for each mail, before it is accepted")
    options = parser.parse_args()
    with options.log.open("a", buffering=1) as log:
        asyncio.run(_serve(options.port, log, options.seconds))


async def _serve(port: int, log: TextIO, seconds: float) -> None:
    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _talk(reader, writer, log, seconds)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(on_connection, "127.0.0.1", port, limit=MAX_MESSAGE_BYTES)
    async with server:
        await server.serve_forever()


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log: TextIO, seconds: float) -> None:
    recipient = ""
    writer.write(b"220 sink\r\n")
    while True:
        line = await reader.readuntil(b"\r\n")
        verb = line[:4].upper()
        if verb == b"DATA":
            writer.write(b"354 go on\r\n")
            await reader.readuntil(b"\r\n.\r\n")
            await asyncio.sleep(seconds)
            log.write(f"{time.monotonic():.6f} {recipient}\n")
        elif verb == b"RCPT":
            recipient = line.decode().partition("<")[2].partition(">")[0]
        writer.write({b"EHLO": GREETING, b"QUIT": b"221 bye\r\n"}.get(verb, b"250 OK\r\n"))
        if verb == b"QUIT":
            return


if __name__ == "__main__":
    main()
