"""Known devices: browsers in which a user has signed in (OWASP, Device Cookies).

Wrong guesses elsewhere delay the account, but not in a browser that its owner has used: it has its own failure count.
The cookie is a signed reference to a row and gives no access. It dies with the user's credential version. In a browser
that its owner trusts, a sign-in is not asked for the second factor: the cookie stands for it, and for nothing else.
"""

from datetime import timedelta

from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken
from chirp_auth.extensions import db
from chirp_auth.models import KnownDevice, User
from chirp_auth.security import tokens
from chirp_auth.security.client import Client

LIFE = timedelta(days=180)
TRUST_LIFE = timedelta(days=30)


def was_used(user: User, cookie: str | None) -> bool:
    """Say whether the user has signed in in this browser since the last reset, which shuts everybody out."""
    device = _read(cookie)
    if device is None or device.user_id != user.id:
        return False
    return user.password_reset_at is None or device.last_used_at >= user.password_reset_at


def is_trusted(user: User, cookie: str | None) -> bool:
    """Say whether the user trusts this browser, so that a sign-in in it needs no second factor."""
    device = recognise(user, cookie)
    return device is not None and device.trusted_until is not None and device.trusted_until > now()


def remember(user: User, client: Client, *, trust: bool = False) -> str:
    """Return the cookie for a browser in which the user has just signed in or finished a reset.

    A cookie of this user that is still valid keeps its row; the row's failures are cleared. `trust` only a browser in
    which a second factor was just shown.
    """
    db.session.refresh(user, ["credential_version"])
    device = recognise(user, client.device)
    if device is None:
        device = KnownDevice(user_id=user.id, credential_version=user.credential_version)
        db.session.add(device)
        db.session.flush()
    device.failed_sign_ins, device.sign_in_blocked_until, device.last_used_at = 0, None, now()
    if trust:
        device.trusted_until = now() + TRUST_LIFE
    device_id = device.id
    db.session.commit()
    return tokens.mint(tokens.KNOWN_DEVICE, device_id, now())


def recognise(user: User | None, cookie: str | None) -> KnownDevice | None:
    """Return the user's known device for this cookie; with the same work where there is no user."""
    device = _read(cookie)
    if device is None or user is None:
        return None
    if device.user_id != user.id or device.credential_version != user.credential_version:
        return None
    return device


def _read(cookie: str | None) -> KnownDevice | None:
    """Return the row of a genuine cookie, whosesoever it is."""
    if not cookie:
        return None
    try:
        reference = tokens.read(tokens.KNOWN_DEVICE, cookie)
    except InvalidToken:
        return None
    device: KnownDevice | None = db.session.get(KnownDevice, reference.id)
    return None if device is None or now() - reference.minted_at > LIFE else device
