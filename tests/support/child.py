"""Child processes that cannot outlive the process that started them, however that one ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

KEEPER = Path(__file__).with_name("keeper.py")
POLL_SECONDS = 0.02


class Child:
    """A command running in a process group of its own."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        remove: Path | None = None,
        stop_with: signal.Signals = signal.SIGTERM,
        door: Path | None = None,
    ) -> None:
        """Start `command` in `folder`, what it prints going to `log`.

        With `door`, a fifo, it starts only when somebody writes to that. `remove` is a folder that goes away
        when this object lets go of the command, by `stop()` or by the end of this process.
        """
        self.log = log
        options: list[str | Path] = ["--log", log, "--stop-with", str(stop_with.value)]
        options += ["--remove", remove] if remove else []
        options += ["--door", door] if door else []
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", KEEPER, *options, "--", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=folder,
            start_new_session=True,  # Ctrl-C in a terminal stops the tests, and they stop their servers
        )
        self._group: int | None = None

    @property
    def pid(self) -> int:
        """The process id of the command, which is also its process group."""
        if self._group is None:
            assert self._keeper.stdout is not None
            line = self._keeper.stdout.readline()
            if not line:
                raise RuntimeError(f"{self._keeper.args!r} did not start")
            self._group = int(line)
        return self._group

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def running(self) -> bool:
        return self._keeper.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole process group."""
        if self.running:
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """SIGKILL to the whole group: nobody gets to say goodbye."""
        self.signal(signal.SIGKILL)
        self.stop()

    def stop(self) -> int:
        """Ask the group to stop, insist after ten seconds; return the exit code, 128 + n for signal n."""
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        return self.wait()

    def wait(self, seconds: float = 20) -> int:
        code = self._keeper.wait(seconds)
        for stream in (self._keeper.stdin, self._keeper.stdout):
            if stream is not None:
                stream.close()
        return code

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = 20) -> None:
        """Wait for `ready()`; raise with everything that the command printed if it ends or takes too long."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running:
                raise RuntimeError(f"It ended with {self.stop()} before it was ready. It printed:\n{self.output}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"It was not ready after {seconds:g} s. It printed:\n{self.output}")
            time.sleep(POLL_SECONDS)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def accepts_connections(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
