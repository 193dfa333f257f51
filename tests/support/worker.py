"""The worker in a thread of the tests, where they reach into it."""

import threading
from collections.abc import Callable

from flask import Flask

from chirp_auth.mail.smtp import DELIVERY_SECONDS
from chirp_auth.worker import loop


def start_thread(app: Flask) -> Callable[[], None]:
    """Deliver until the returned function is called."""
    stop = threading.Event()
    thread = threading.Thread(target=loop.run, args=(app, stop), daemon=True)
    thread.start()

    def finish() -> None:
        stop.set()
        thread.join(timeout=DELIVERY_SECONDS)

    return finish
