"""A new password that was accepted while another field was not: its hash is held for ten minutes, sealed in the cookie.

So it need not be typed again. The password itself is kept nowhere: not in the page, the cookie or the database.
"""

from datetime import timedelta

from flask import session

from chirp_auth.clock import now
from chirp_auth.errors import ServiceBusy
from chirp_auth.http.request_context import client
from chirp_auth.security import passwords, sealing, shares
from chirp_auth.security.hash_queue import Urgency
from chirp_auth.web.blueprint import FACE

CONTEXT = "held password"
HELD_FOR = timedelta(minutes=10)
MAX_PER_HOUR = 10  # For one client: each costs a hash. Beyond that the password has to be typed again.


def hold(password: str) -> None:
    """Hold an accepted password, unless the client had its share or the machine is busy."""
    if not shares.take("held_password", MAX_PER_HOUR, timedelta(hours=1)):
        return
    try:
        password_hash = passwords.hash_new(password, client(FACE), Urgency.SIGN_IN)
    except ServiceBusy:
        return
    session["held_password"] = {"sealed": sealing.seal(password_hash, CONTEXT), "at": int(now().timestamp())}


def held() -> str | None:
    """Return the hash that is held, if it is not too old."""
    kept = session.get("held_password")
    if kept is None or now().timestamp() - kept["at"] > HELD_FOR.total_seconds():
        session.pop("held_password", None)
        return None
    return sealing.unseal(kept["sealed"], CONTEXT)


def forget() -> None:
    """Hold nothing any more."""
    session.pop("held_password", None)
