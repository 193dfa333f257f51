"""Names of devices, from what they say of themselves: "Chrome on Android", "an app on iOS"."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ua_parser import Result, parse

from chirp_auth import languages
from chirp_auth.extensions import settings

Gettext = Callable[..., str]

UNKNOWN_DEVICE = "an unknown device"


def device_in_words(user_agent: str | None) -> str:
    """Return a device's name in English, as the API and operators get it: "Firefox on Windows", "an app on Android"."""
    return _name(user_agent, _in_english)


def translated_device(user_agent: str | None) -> str:
    """Return a device's name in the language of the page or mail."""
    return _name(user_agent, languages.gettext)


def _name(user_agent: str | None, gettext: Gettext) -> str:
    """Name the device. The client chooses its text, and mails show it: only well-known names pass, and our own."""
    if not user_agent:
        return gettext("an unknown device")
    result = _parse(user_agent)
    program = result.user_agent.family if result.user_agent else ""
    system = result.os.family if result.os else ""
    system = _SYSTEMS.get(system, system) if system in _KNOWN_SYSTEMS else ""
    if _is_our_app(user_agent):
        name = settings.app_name
        named = gettext("the %(name)s app", name=name)
        return gettext("the %(name)s app on %(system)s", name=name, system=system) if system else named
    is_in_app = program in _EMBEDDED or "; wv)" in user_agent  # Android marks its web views so.
    if not is_in_app and (browser := _BROWSERS.get(program)):
        return gettext("%(browser)s on %(system)s", browser=browser, system=system) if system else browser
    if tool := _TOOLS.get(program):
        return tool
    if user_agent.startswith("Mozilla/") and not is_in_app:
        return gettext("a browser on %(system)s", system=system) if system else gettext("an unknown device")
    if system:
        return gettext("an app on %(system)s", system=system)
    is_app = is_in_app or user_agent.lower().startswith(_LIBRARIES)
    return gettext("an app") if is_app else gettext("an unknown device")


def _in_english(text: str, **values: Any) -> str:
    return text % values if values else text


def _is_our_app(user_agent: str) -> bool:
    """Say whether the text begins with the product's own name, as apps name themselves: "Chirpworks/3.1 …"."""
    return user_agent.partition("/")[0].casefold() == "".join(settings.app_name.split()).casefold()


_BROWSERS = {
    **{name: name for name in ("Amazon Silk", "Brave", "Chrome", "Chromium", "Edge", "Epiphany", "Firefox")},
    **{name: name for name in ("Firefox Focus", "Huawei Browser", "Konqueror", "Opera", "Opera Mini", "QQ Browser")},
    **{name: name for name in ("Safari", "Samsung Internet", "SeaMonkey", "UC Browser", "Vivaldi", "Whale")},
    **{name: name for name in ("Yandex Browser", "Facebook", "Google", "Instagram", "LinkedIn", "Pinterest", "Slack")},
    **{name: name for name in ("Snapchat", "Twitter", "WhatsApp")},
    **dict.fromkeys(("Chrome Mobile", "Chrome Mobile iOS", "HeadlessChrome"), "Chrome"),
    **dict.fromkeys(("Firefox Mobile", "Firefox iOS"), "Firefox"),
    **dict.fromkeys(("IE", "IE Mobile"), "Internet Explorer"),
    **dict.fromkeys(("Mi Browser", "MiuiBrowser"), "Mi Browser"),
    **dict.fromkeys(("Mobile Safari", "WebKit Nightly"), "Safari"),
    **dict.fromkeys(("Opera Mobile", "Opera Touch"), "Opera"),
    "DuckDuckGo Mobile": "DuckDuckGo",
    "Edge Mobile": "Edge",
    "QQ Browser Mobile": "QQ Browser",
}
# Programs for the command line, which people know by name.
_TOOLS = {"curl": "curl", "HTTPie": "HTTPie", "Wget": "Wget", "PostmanRuntime": "Postman"}
# What apps are made with: it says nothing to anybody.
_EMBEDDED = frozenset(
    {
        *("Android Webview", "Apache-HttpClient", "axios", "CFNetwork", "Chrome Mobile WebView", "Dalvik", "Electron"),
        *("Go-http-client", "Java", "Mobile Safari UI/WKWebView", "okhttp", "Python aiohttp", "Python Requests"),
    }
)
_LIBRARIES = ("dart/", "dalvik/", "alamofire/", "ktor-client", "node", "undici", "reactnative", "cfnetwork/")
_SYSTEMS = {"Mac OS X": "macOS", "Chrome OS": "ChromeOS"}
_KNOWN_SYSTEMS = frozenset(
    {
        *("Android", "Chrome OS", "ChromeOS", "Debian", "Fedora", "FreeBSD", "HarmonyOS", "KaiOS", "Linux", "Mac OS X"),
        *("OpenBSD", "Red Hat", "SUSE", "Tizen", "Ubuntu", "Windows", "Windows Phone", "iOS", "iPadOS", "tvOS"),
        "watchOS",
    }
)


@lru_cache(maxsize=512)
def _parse(user_agent: str) -> Result:
    return parse(user_agent)
