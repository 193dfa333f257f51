"""Who is calling: what a rule may know of a request, free of HTTP."""

from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from ua_parser import Result, parse

UNKNOWN_DEVICE = "an unknown device"


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
        return UNKNOWN_DEVICE
    seen = _parse(user_agent)
    browser = seen.user_agent.family if seen.user_agent else None
    system = seen.os.family if seen.os else None
    # A browser names itself, so this is anybody's text on its way into a mail: only names that we know get there.
    known = [_PLAIN_NAMES.get(name, name) for name in (browser, system) if name in _KNOWN]
    return " on ".join(known) or UNKNOWN_DEVICE


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
