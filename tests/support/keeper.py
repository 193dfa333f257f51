"""Runs one command for as long as somebody holds the other end of its standard input.

The end of that stream is the one thing that even `kill -9` of the test run cannot withhold, so it is what
stops the command's process group and removes the folder. `tests.support.child` runs this file as a script.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType

SECONDS_TO_STOP = 10.0
ENDED = "The command ended with"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", required=True, help="file that takes what the command prints")
    parser.add_argument("--remove", help="folder to remove at the end")
    parser.add_argument("--stop-with", type=int, required=True, help="signal that asks the command to stop")
    parser.add_argument("--door", help="a fifo: the command starts when somebody writes to it")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    keeper = Keeper(options)
    threading.Thread(target=keeper.stop_when_let_go, daemon=True).start()
    signal.signal(signal.SIGTERM, keeper.stop_on_signal)
    sys.exit(keeper.run())


class Keeper:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.child: subprocess.Popen[bytes] | None = None
        self.let_go = threading.Event()
        self.lock = threading.Lock()

    def run(self) -> int:
        """Start the command, wait for its end and return its exit code, 128 + n for signal n."""
        if self.options.door:
            with Path(self.options.door).open("rb") as door:  # blocks until somebody knocks
                door.read(1)
        command = self.options.command
        with self.lock, Path(self.options.log).open("ab") as output:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        sys.stdout.write(f"{self.child.pid}\n")
        sys.stdout.flush()
        code = self.child.wait()
        self.signal_group(self.child.pid, signal.SIGKILL)  # whatever the command left running
        if self.options.remove:
            with Path(self.options.log).open("a") as log:
                log.write(f"{ENDED} {code}\n")
            self.let_go.wait()  # until then somebody may want to read what is in there
            self.remove_folder()
        return code if code >= 0 else 128 - code

    def stop_when_let_go(self) -> None:
        while os.read(sys.stdin.fileno(), 1):  # sys.stdin itself must not be locked by a thread when we exit
            pass
        self.stop()

    def stop_on_signal(self, _number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=self.stop, daemon=True).start()

    def stop(self) -> None:
        self.let_go.set()
        with self.lock:
            child = self.child
            if child is None:
                self.remove_folder()
                os._exit(0)
        self.signal_group(child.pid, self.options.stop_with)
        try:
            child.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self.signal_group(child.pid, signal.SIGKILL)

    def remove_folder(self) -> None:
        """Remove it again and again, as other processes that are about to end may still write to it."""
        folder, deadline = self.options.remove, time.monotonic() + SECONDS_TO_STOP
        while folder and Path(folder).exists() and time.monotonic() < deadline:
            shutil.rmtree(folder, ignore_errors=True)
            time.sleep(0.02)

    def signal_group(self, group: int, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


if __name__ == "__main__":
    main()
