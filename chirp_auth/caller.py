"""The caller: what the faces that speak HTTP tell the rules about a request."""

from secrets import token_hex

from flask import request

from chirp_auth.extensions import remote_address, settings
from chirp_auth.models import MAX_USER_AGENT_CHARACTERS
from chirp_auth.security.client import Client

REFERENCE_HEADER = "X-Request-Id"
BROWSER = "browser"


def client(face: str) -> Client:
    """Return who calls: the address that TRUSTED_PROXY_HOPS lets us believe, the device, the reference."""
    return Client(
        face=face,
        ip=remote_address(),
        user_agent=request.user_agent.string.replace("\0", "")[:MAX_USER_AGENT_CHARACTERS] or None,
        reference=reference(),
        device=request.cookies.get(device_cookie()) if face == BROWSER else None,
    )


def device_cookie() -> str:
    """Return the name of the cookie that a browser keeps for its owner; the JSON face reads no cookie."""
    return "__Host-device" if settings.in_production else "device"


def reference() -> str:
    """Return this request's reference; its answer, its events and its log lines all carry it."""
    return str(request.environ.setdefault("chirp_auth.reference", token_hex(8)))
