"""The request context: what the web faces tell the rules, the logs and the metrics about the current request."""

import re

from flask import current_app, request
from werkzeug.exceptions import MethodNotAllowed

from chirp_auth.extensions import remote_address, settings
from chirp_auth.http import language
from chirp_auth.identifiers import random_hex
from chirp_auth.models import MAX_USER_AGENT_CHARACTERS
from chirp_auth.security.client import BROWSER, Client, is_loopback

# Headers that proxies add, such as X-Forwarded-Proto, CF-Connecting-IP and X-Client-IP.
_FROM_A_PROXY = re.compile(r"forwarded|(^|-)(client)?ip(v6)?$|^via$|^cdn-loop$|^x-envoy-", re.IGNORECASE)
_PROXY_REFERENCE = re.compile(r"([\w.:@/+=-]{1,64})", re.ASCII)
# The trace's id; zeros alone are none.
_TRACE_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
REFERENCE_HEADER = "X-Request-Id"


def client(face: str) -> Client:
    """Return the client: its address, as TRUSTED_PROXY_HOPS allows, its known device and the request's reference."""
    return Client(
        face=face,
        ip=remote_address(),
        user_agent=request.user_agent.string.replace("\0", "")[:MAX_USER_AGENT_CHARACTERS] or None,
        reference=reference(),
        device=request.cookies.get(device_cookie()) if face == BROWSER else None,
        language=language.of_request() if face == BROWSER else language.of_app(),
    )


def is_from_this_machine() -> bool:
    """Say whether the peer is this machine, the Host is a loopback name, and no header was added by a proxy.

    A proxy on this machine adds such a header, or at least passes on the public Host. The Host check also stops DNS
    rebinding.
    """
    peer = request.environ.get("werkzeug.proxy_fix.orig", {}).get("REMOTE_ADDR") or request.remote_addr
    host = re.sub(r":\d+$", "", request.host).strip("[]")
    names_this_machine = host.lower() == "localhost" or is_loopback(host)
    return is_loopback(peer) and names_this_machine and not any(map(_FROM_A_PROXY.search, request.headers.keys()))


def device_cookie() -> str:
    """Return the name of the known-device cookie; the JSON face reads no cookie."""
    return "__Host-device" if settings.in_production else "device"


def reference() -> str:
    """Return this request's reference; its answer, its events and its log lines all carry it."""
    return str(request.environ.setdefault("chirp_auth.reference", random_hex(8)))


def references_of_proxy() -> dict[str, str]:
    """Return the request's id at the trusted proxy and its trace (W3C Trace Context, 3.2), where one stands in front.

    The proxy may pass on what the client sent, so only texts of the right shape count.
    """
    if settings.trusted_proxy_hops == 0:
        return {}
    found = {
        "proxy_reference": _PROXY_REFERENCE.fullmatch(request.headers.get(REFERENCE_HEADER, "")),
        "trace": _TRACE_PARENT.fullmatch(request.headers.get("traceparent", "")),
    }
    return {name: match[1] for name, match in found.items() if match}


def route() -> str:
    """Return the template of the request's route, "none" if there is no such route; never what a client wrote."""
    rule = request.url_rule
    # The path is one of ours, the method is not.
    if rule is None and isinstance(refusal := request.routing_exception, MethodNotAllowed):
        adapter = current_app.create_url_adapter(request)
        if adapter and refusal.valid_methods:
            rule, _ = adapter.match(method=min(refusal.valid_methods), return_rule=True)
    return rule.rule if rule else "none"
