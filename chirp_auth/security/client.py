"""The client: what a rule may know of where a request comes from, free of HTTP."""

from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from ua_parser import Result, parse

UNKNOWN_DEVICE = "an unknown device"


@dataclass(frozen=True, slots=True)
class Client:
    """Where a call comes from. `reference` is the request's id, which the response contains too.

    `device` is the known-device cookie of a browser.
    """

    face: str
    ip: str | None = None
    user_agent: str | None = None
    reference: str | None = None
    actor: str | None = None
    device: str | None = field(default=None, repr=False)


def device_in_words(user_agent: str | None) -> str:
    """Return a device's name for people, such as "Firefox on Windows"."""
    if not user_agent:
        return UNKNOWN_DEVICE
    result = _parse(user_agent)
    browser = result.user_agent.family if result.user_agent else None
    system = result.os.family if result.os else None
    # The client chooses this text, and mails show it: only well-known names pass.
    names = [_PLAIN_NAMES.get(name, name) for name in (browser, system) if name in _KNOWN]
    return " on ".join(names) or UNKNOWN_DEVICE


def shortened(ip: str | None) -> str | None:
    """Return the address as a hint that identifies no single machine: 203.0.113.x, or half of an IPv6 address."""
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

_KNOWN = frozenset(
    """
    Amazon Silk|Android|Brave|Chrome|Chrome Mobile|Chrome Mobile WebView|Chrome Mobile iOS|Chromium|DuckDuckGo Mobile
    |Edge|Edge Mobile|Electron|Epiphany|Firefox|Firefox Focus|Firefox Mobile|Firefox iOS|Google|HeadlessChrome
    |Huawei Browser|IE|IE Mobile|Konqueror|Mi Browser|MiuiBrowser|Mobile Safari|Mobile Safari UI/WKWebView|Opera
    |Opera Mini|Opera Mobile|Opera Touch|QQ Browser|QQ Browser Mobile|Safari|Samsung Internet|SeaMonkey|UC Browser
    |Vivaldi|WebKit Nightly|Whale|Yandex Browser
    |Apache-HttpClient|CFNetwork|Dart|Go-http-client|HTTPie|Java|Python Requests|Python aiohttp|axios|curl|okhttp|Wget
    |Chrome OS|ChromeOS|Debian|Fedora|FreeBSD|HarmonyOS|KaiOS|Linux|Mac OS X|OpenBSD|Red Hat|SUSE|Tizen|Ubuntu|Windows
    |Windows Phone|iOS|iPadOS|tvOS|watchOS
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)


def is_loopback(ip: str | None) -> bool:
    """Say whether the address is this machine's own; a server on :: sees 127.0.0.1 as ::ffff:127.0.0.1."""
    try:
        address = ip_address(ip or "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address  # Python below 3.13 does not do it.
    return address.is_loopback


@lru_cache(maxsize=512)
def _parse(user_agent: str) -> Result:
    return parse(user_agent)
