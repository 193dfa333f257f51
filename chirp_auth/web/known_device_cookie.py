"""The cookie of a known device: set when the account's owner has just authenticated in this browser."""

from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import known_devices
from chirp_auth.extensions import settings
from chirp_auth.http.request_context import client, device_cookie
from chirp_auth.models import User
from chirp_auth.web.blueprint import FACE


def remember(response: Redirect, user: User, *, trust: bool = False) -> Redirect:
    """Add the cookie that makes this browser a known device of the user; `trust` as in `known_devices.remember`."""
    response.set_cookie(
        device_cookie(),
        known_devices.remember(user, client(FACE), trust=trust),
        max_age=known_devices.LIFE,
        secure=settings.in_production,
        httponly=True,
        samesite="Lax",
    )
    return response
