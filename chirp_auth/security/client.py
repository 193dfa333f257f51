"""The client: what a rule may know of where a request comes from, free of HTTP."""

from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

from chirp_auth.security.devices import UNKNOWN_DEVICE, device_in_words

BROWSER = "browser"  # The face whose clients carry the known-device cookie.

__all__ = ["BROWSER", "UNKNOWN_DEVICE", "Client", "device_in_words", "is_loopback", "shortened"]


@dataclass(frozen=True, slots=True)
class Client:
    """Where a call comes from. `reference` is the request's id, which the response contains too.

    `device` is the known-device cookie of a browser, `language` what the person reads, if it is known.
    """

    face: str
    ip: str | None = None
    user_agent: str | None = None
    reference: str | None = None
    actor: str | None = None
    device: str | None = field(default=None, repr=False)
    language: str | None = None


def shortened(ip: str | None) -> str | None:
    """Return the address as a hint that identifies no single machine: 203.0.113.x, or half of an IPv6 address."""
    if not ip:
        return None
    if "." in ip:
        return ip.rpartition(":")[2].rpartition(".")[0] + ".x"
    return ":".join(ip_address(ip).exploded.split(":")[:4]) + ":…"


def is_loopback(ip: str | None) -> bool:
    """Say whether the address is this machine's own; a server on :: sees 127.0.0.1 as ::ffff:127.0.0.1."""
    try:
        address = ip_address(ip or "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address  # Python below 3.13 does not do it.
    return address.is_loopback
