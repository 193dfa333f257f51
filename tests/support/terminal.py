"""A terminal: a command that believes a person sits before it, and what that person sees and types."""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

# A session leader that opens a terminal gets it as its own, so that a password can be asked for at /dev/tty.
_SIT_DOWN = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)  # whatever the tests were started with
terminal = os.open(sys.argv[1], os.O_RDWR)
for stream in map(int, sys.argv[2].split(",")):
    os.dup2(terminal, stream)
os.execv(sys.argv[3], sys.argv[3:])
"""
SECONDS = 30


class Terminal:
    """A Python command on a terminal of its own, 100 columns wide; killed when the block ends."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], *, piped_output: bool = False) -> None:
        """Start `python -m …`; with `piped_output` its standard output goes into a pipe instead."""
        self._screen, self._seat = pty.openpty()
        streams = "0,2" if piped_output else "0,1,2"
        command = [sys.executable, "-c", _SIT_DOWN, os.ttyname(self._seat), streams]
        self._process = subprocess.Popen(
            [*command, sys.executable, "-m", *arguments],
            stdout=subprocess.PIPE if piped_output else None,
            env={"COLUMNS": "100", "TERM": "xterm", **environment},
            start_new_session=True,
        )
        self.seen = ""
        self._read_up_to = 0

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
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
            if not self._look(0.2) and (time.monotonic() > deadline or self._process.poll() is not None):
                raise AssertionError(f"waited for {texts}, saw:\n{self.plain}")

    def type(self, line: str) -> None:
        """Type a line and press Enter."""
        os.write(self._screen, f"{line}\n".encode())

    def press_ctrl_c(self) -> None:
        """Press Ctrl-C, and again if nothing happens: one that comes just before the command reads goes unnoticed."""
        for _ in range(10):
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
                return

    def wait(self) -> int:
        """Watch until the command ends; return its exit code."""
        deadline = time.monotonic() + SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            self._look(0.05)
        while self._look(0):
            pass
        return self._process.wait(timeout=0)

    def piped(self) -> str:
        """Return what went into the pipe; only after the end."""
        assert self._process.stdout
        return self._process.stdout.read().decode()

    def _look(self, seconds: float) -> bool:
        readable, _, _ = select.select([self._screen], [], [], seconds)
        if readable:
            self.seen += os.read(self._screen, 65536).decode(errors="replace")
        return bool(readable)
