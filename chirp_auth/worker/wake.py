"""How the worker waits: it looks for entries that are due, often and without writing.

One statement over the index of `due_at` costs less than a tenth of a millisecond in either database, and needs no
connection between the processes: retries and delayed mails wake it like new ones.
"""

import time
from threading import Event

from chirp_auth.extensions import DATABASE_AWAY
from chirp_auth.mail import outbox

LOOK_SECONDS = 0.1


def wait_for_work(stop: Event, seconds: float) -> None:
    """Return when an entry is due, when `stop` is set, or after `seconds`. Needs an application context."""
    latest = time.monotonic() + seconds
    while time.monotonic() < latest and not stop.wait(LOOK_SECONDS) and not is_work_due():
        pass


def is_work_due() -> bool:
    """Say whether an entry is due. Needs an application context."""
    try:
        return outbox.is_due()
    except DATABASE_AWAY:
        return True  # The next claim meets the same, and says so.
