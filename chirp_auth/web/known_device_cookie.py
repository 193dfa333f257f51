"""The cookie of a known device: set where somebody has just shown to be the account's owner."""

from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import known_devices
from chirp_auth.extensions import settings
from chirp_auth.http.request_context import client, device_cookie
from chirp_auth.models import User
from chirp_auth.web.blueprint import FACE


def remember(answer: Redirect, user: User) -> Redirect:
    """Add to the answer what makes this browser a known device of the user."""
    answer.set_cookie(
        device_cookie(),
        known_devices.remember(user, client(FACE)),
        max_age=known_devices.LIFE,
        secure=settings.in_production,
        httponly=True,
        samesite="Lax",
    )
    return answer
