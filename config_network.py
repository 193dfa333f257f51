"""Checks of addresses: whether one is this machine's own, and whether what goes to another one is encrypted."""

from ipaddress import IPv6Address, ip_address
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import make_url

_ENCRYPTED = ("require", "verify-ca", "verify-full")


def is_loopback(host: str) -> bool:
    """Say whether an address, or the name localhost, is this machine's own; any other name may lead anywhere."""
    text = host.removeprefix("[").removesuffix("]")
    try:
        address = ip_address(text)
    except ValueError:
        return text.lower() == "localhost"
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address  # Before 3.13 Python does not look into it.
    return address.is_loopback


def is_remote_database_in_the_clear(url: str) -> bool:
    """Say whether PostgreSQL is on another machine and its connection may be unencrypted.

    What the URL does not say comes from PGHOST, PGSSLMODE and so on, or a service file, which libpq reads.
    """
    if url.startswith("sqlite"):
        return False
    from psycopg.pq import Conninfo  # noqa: PLC0415 - a start on SQLite has no use for it

    parsed = make_url(url)
    _, given = parsed.get_dialect()().create_connect_args(parsed)
    found = {option.keyword.decode(): (option.val or b"").decode() for option in Conninfo.get_defaults()}
    found.update(given)
    if found["sslmode"] in _ENCRYPTED or found["gssencmode"] == "require":
        return False
    if found["sslrootcert"] == "system" and "sslmode" not in given:
        return False  # "system" makes verify-full the default.
    hosts = str(found["hostaddr"] or found["host"]).split(",")
    is_elsewhere = any(host and not host.startswith(("/", "@")) and not is_loopback(host) for host in hosts)
    return is_elsewhere or (bool(found["service"]) and hosts == [""])


def is_remote_redis_in_the_clear(url: str) -> bool:
    """Say whether Redis is on another machine and its connection is unencrypted."""
    parts = urlsplit(url)
    if parts.scheme != "redis":
        return False
    return not is_loopback(parts.hostname or parse_qs(parts.query).get("host", ["localhost"])[0])


def origin_of(url: str) -> str:
    """Return the URL's origin as browsers write it: in lower case, without the scheme's own port (RFC 6454, 6.2).

    Raises:
        ValueError: its port is none.
    """
    parts = urlsplit(url.lower())
    is_default = parts.port == {"http": 80, "https": 443}.get(parts.scheme)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + ("" if parts.port is None or is_default else f":{parts.port}")
