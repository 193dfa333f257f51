"""Who is calling: what a rule may know of a request, free of HTTP."""

from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from re import sub

from ua_parser import Result, parse

MAX_DEVICE_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Client:
    """Where a call comes from. `reference` is the request's, and the answer carries it too.

    `device` is the cookie by which a browser says that its owner signed in there before.
    """

    face: str
    ip: str | None = None
    user_agent: str | None = None
    reference: str | None = None
    actor: str | None = None
    device: str | None = field(default=None, repr=False)


def device_in_words(user_agent: str | None) -> str:
    """Return what a person would call the device, such as "Firefox on Windows"."""
    if not user_agent:
        return "an unknown device"
    seen = _parse(user_agent)
    browser = seen.user_agent.family if seen.user_agent else None
    system = seen.os.family if seen.os else None
    known = [_PLAIN_NAMES.get(name, name) for name in (browser, system) if name and name != "Other"]
    # A browser names itself, so this is anybody's text on its way into a mail: nothing that could become a link.
    return sub(r"[^\w ()+-]", " ", " on ".join(known))[:MAX_DEVICE_CHARACTERS] or "an unknown device"


def shortened(ip: str | None) -> str | None:
    """Return the address as a hint that names no single machine: 203.0.113.x, or the first half of an IPv6 one."""
    if not ip:
        return None
    if "." in ip:
        return ip.rpartition(":")[2].rpartition(".")[0] + ".x"
    return ":".join(ip_address(ip).exploded.split(":")[:4]) + ":…"


_PLAIN_NAMES = {
    "Mac OS X": "macOS",
    "Mobile Safari": "Safari",
    "Chrome Mobile": "Chrome",
    "Firefox Mobile": "Firefox",
}


def is_loopback(ip: str | None) -> bool:
    """Say whether the address is this machine's own; one that listens on :: sees 127.0.0.1 as ::ffff:127.0.0.1."""
    try:
        address = ip_address(ip or "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address  # Before 3.13 Python does not look into it.
    return address.is_loopback


@lru_cache(maxsize=512)
def _parse(user_agent: str) -> Result:
    return parse(user_agent)
