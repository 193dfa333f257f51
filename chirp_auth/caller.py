"""The caller: what the faces that speak HTTP tell the rules about a request."""

from secrets import token_hex

from flask import g, request

from chirp_auth.models import MAX_USER_AGENT_CHARACTERS
from chirp_auth.security.client import Client

REFERENCE_HEADER = "X-Request-Id"


def client(face: str) -> Client:
    """Return who calls: the address that TRUSTED_PROXY_HOPS lets us believe, the device, the reference."""
    return Client(
        face=face,
        ip=request.remote_addr,
        user_agent=request.user_agent.string.replace("\0", "")[:MAX_USER_AGENT_CHARACTERS] or None,
        reference=reference(),
    )


def reference() -> str:
    """Return this request's reference; its answer, its events and its log lines all carry it."""
    if "reference" not in g:
        g.reference = token_hex(8)
    return str(g.reference)
