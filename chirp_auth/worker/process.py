"""The worker as a process of its own: what ends it."""

import os
import signal
import sys
import threading
import time
from types import FrameType

from flask import Flask

from chirp_auth.runtime import cpu_affinity
from chirp_auth.worker import loop

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
STOP_SECONDS = 15
NICENESS = 5  # Requests go first: they should not tell that a mail is made. More would starve it under load.


def run(app: Flask) -> None:
    """Deliver until a signal to stop; the mail at hand is finished first."""
    stop = _stop_on_signals()
    loop.run(app, stop)


def run_beside_server(app: Flask) -> None:
    """Deliver until a signal to stop, or until the standard input ends: the server holds its other end.

    A server that was killed can send no signal, but its end of the pipe closes all the same.
    """
    os.nice(NICENESS)
    if app.extensions["settings"].cpu_affinity:
        cpu_affinity.avoid_siblings()
    stop = _stop_on_signals()
    threading.Thread(target=_end_with_input, args=(stop,), name="server", daemon=True).start()
    loop.run(app, stop)


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        # Not here: this thread may hold the event's lock just now, and would wait for itself.
        threading.Thread(target=stop.set, name="stop").start()

    for number in STOP_SIGNALS:
        signal.signal(number, on_signal)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)  # The server starts it with both blocked.
    return stop


def _end_with_input(stop: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    stop.set()
    time.sleep(STOP_SECONDS)
    os._exit(1)  # Nobody is left who would insist.
