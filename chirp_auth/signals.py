"""Signals to stop, so that a serving process loses none of them."""

import signal
import threading
import time
from typing import Any

TO_STOP = (signal.SIGINT, signal.SIGTERM)
READY_SECONDS = 0.05


def leave_to_one_thread() -> None:
    """Let one thread wait for signals, and no other take them; to be called before any other thread starts.

    The server's main thread sleeps on a lock, and only there Python looks after signals. One that any other thread
    takes does not wake it, and the busier those are the more likely they do.
    """
    not_ready = {number: signal.getsignal(number) for number in TO_STOP}
    signal.pthread_sigmask(signal.SIG_BLOCK, TO_STOP)  # Every thread that comes from here inherits it.
    threading.Thread(target=_wait, args=(not_ready,), name="signals", daemon=True).start()


def _wait(not_ready: dict[signal.Signals, Any]) -> None:
    """Call the handler that the server sets, as soon as it has set one."""
    while True:
        number = signal.Signals(signal.sigwait(TO_STOP))
        while (handler := signal.getsignal(number)) is not_ready[number]:
            time.sleep(READY_SECONDS)
        if callable(handler):
            handler(number, None)
