"""A terminal: a command that believes a person sits before it, and what that person sees and types."""

import io
import os
import pty
import re
import runpy
import select
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from types import TracebackType

from tests.support import together

SECONDS = 30


class Terminal:
    """A Python command on a terminal of its own, 100 columns wide; killed when the block ends."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], *, piped_output: bool = False) -> None:
        """Start `python -m …`; with `piped_output` its standard output goes into a pipe instead.

        Its process has imported the application before, which would take longer than most commands do.
        """
        self._screen, self._seat = pty.openpty()
        context = together.prepared_processes()
        self._pipe, output = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_sit_down,
            args=(os.ttyname(self._seat), output if piped_output else None, arguments),
            kwargs={"COLUMNS": "100", "TERM": "xterm", **environment},
        )
        self._process.start()
        output.close()
        self.seen = ""
        self._read_up_to = 0

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()
        self._pipe.close()
        os.close(self._screen)
        os.close(self._seat)

    @property
    def plain(self) -> str:
        """What was seen, without colours and cursor movements, lines as the command wrote them."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.seen).replace("\r\n", "\n")

    def wait_for(self, *texts: str) -> None:
        """Look at the screen until one of the texts is there, below what was waited for before."""
        deadline = time.monotonic() + SECONDS
        while True:
            found = [self.plain.find(text, self._read_up_to) for text in texts]
            if any(place >= 0 for place in found):
                self._read_up_to = 1 + min(place for place in found if place >= 0)
                return
            if not self._look(0.2) and (time.monotonic() > deadline or not self._process.is_alive()):
                raise AssertionError(f"waited for {texts}, saw:\n{self.plain}")

    def type(self, line: str) -> None:
        """Type a line and press Enter."""
        os.write(self._screen, f"{line}\n".encode())

    def press_ctrl_c(self) -> None:
        """Press Ctrl-C, and again if nothing happens: one that comes just before the command reads goes unnoticed."""
        for _ in range(10):
            if self._process.is_alive() and self._process.pid:
                os.killpg(self._process.pid, signal.SIGINT)
            self._process.join(1)
            if not self._process.is_alive():
                return

    def wait(self) -> int:
        """Watch until the command ends; return its exit code."""
        deadline = time.monotonic() + SECONDS
        while self._process.is_alive() and time.monotonic() < deadline:
            self._look(0.05)
        while self._look(0):
            pass
        assert self._process.exitcode is not None, f"it runs after {SECONDS} s, and showed:\n{self.plain}"
        return self._process.exitcode

    def piped(self) -> str:
        """Return what went into the pipe; only after the end."""
        with open(self._pipe.fileno(), "rb", closefd=False) as read:
            return read.read().decode()

    def _look(self, seconds: float) -> bool:
        readable, _, _ = select.select([self._screen], [], [], seconds)
        if readable:
            self.seen += os.read(self._screen, 65536).decode(errors="replace")
        return bool(readable)


def _sit_down(terminal: str, output: Connection | None, arguments: Sequence[str], **environment: str) -> None:
    """Run a command as Python would run it in a new process."""
    os.setsid()  # A session leader that opens a terminal gets it as its own, so that it has a /dev/tty.
    seat = os.open(terminal, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(output.fileno() if output and stream == 1 else seat, stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Whatever the tests were started with.
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0)), "utf-8")
    sys.stdout, sys.stderr = _unbuffered(1), _unbuffered(2)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = list(arguments)
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def _unbuffered(stream: int) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.FileIO(stream, "wb"), "utf-8", write_through=True)
