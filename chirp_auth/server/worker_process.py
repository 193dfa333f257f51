"""The worker process beside the server: started with it, started again when it ends, stopped with it."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog

from chirp_auth.worker.process import STOP_SECONDS, STOP_SIGNALS

COMMAND = (sys.executable, "-m", "chirp_auth.worker")
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
HEALTHY_SECONDS = 60.0  # A worker that lived for so long is no longer one that dies again and again.

log = structlog.get_logger("server")


@contextmanager
def running(command: Sequence[str] = COMMAND) -> Iterator[Callable[[], None]]:
    """Keep a worker process running until the block ends, however it ends; yield what replaces it by a new one."""
    watcher = _Watcher(command)
    watcher.start()
    try:
        yield watcher.replace
    finally:
        watcher.stop()


class _Watcher:
    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._stopping = threading.Event()
        self._changing = threading.Lock()  # Held while a process starts, so that none starts after the stop.
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name="worker process", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def replace(self) -> None:
        """Let the process finish the mail at hand and end: the next one starts in its place."""
        with self._changing:
            if self._process:
                self._process.terminate()

    def stop(self) -> None:
        with self._changing:
            self._stopping.set()
            if self._process:
                self._process.terminate()
        self._thread.join(STOP_SECONDS)
        if self._process and self._thread.is_alive():
            self._process.kill()
            self._thread.join()

    def _watch(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while process := self._launch():
            started = time.monotonic()
            code = process.wait()
            if time.monotonic() - started >= HEALTHY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            if self._stopping.wait(pause):
                return
            log.warning("worker process started again", exit_code=code, after_seconds=pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _launch(self) -> subprocess.Popen[bytes] | None:
        """Start the process, its input a pipe that closes when this process ends, even by `kill -9`.

        It inherits the blocked signals: a Ctrl-C that meets it while it imports waits until it can be heeded.
        """
        with self._changing:
            if self._stopping.is_set():
                return None
            if self._process and self._process.stdin:
                self._process.stdin.close()
            before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
            try:
                self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            return self._process
