"""The values of settings: how each kind is written, and what it may not be. No message repeats a value."""

import os
import re
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from phonenumbers import SUPPORTED_REGIONS
from pydantic import AfterValidator, BeforeValidator
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

INSTANCE = Path(__file__).resolve().parent / "instance"

LONGEST = timedelta(days=3650)  # Longer ones lead to moments that no calendar has.

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"\s*(\d{1,9})\s*([smhd]?)\s*", str(value), re.ASCII)
    if not found or int(found[1]) == 0:
        raise ValueError("is not a duration: write seconds (3600) or a number with s, m, h or d (1h)")
    span = timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
    if span > LONGEST:
        raise ValueError(f"is longer than {LONGEST.days} days")
    return span


def _origin(value: str) -> str:
    if not value:  # Not set: it follows from other settings.
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("is not an http or https address")
    return value.rstrip("/")


def _database_url(value: str) -> str:
    scheme, found, rest = value.partition("://")
    if not found:
        raise ValueError("is not a database URL")
    if scheme in ("postgres", "postgresql"):
        scheme = "postgresql+psycopg"
    if scheme not in ("sqlite", "postgresql+psycopg"):
        raise ValueError("must begin with sqlite:/// or postgresql://")
    try:
        url = make_url(f"{scheme}://{rest}")
    except (ArgumentError, ValueError):
        raise ValueError("is not a database URL") from None
    return _in_a_file(url) if scheme == "sqlite" else f"{scheme}://{rest}"


def _in_a_file(url: URL) -> str:
    """Every thread opens the database anew: in memory each would have one of its own."""
    if url.host or url.query or url.database in (None, "", ":memory:"):
        raise ValueError("must name a file: sqlite:////path/to/chirp_auth.db")
    return f"sqlite:///{INSTANCE / str(url.database)}"


def _path(value: str) -> str:
    if not value.startswith("/") or value.startswith("//") or "?" in value:
        raise ValueError("must be a path that begins with one slash")
    return value


def _deep_link(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^\s?#]*", value) or value.startswith("javascript:"):
        raise ValueError("must be an address with the app's own scheme, such as movr://reset-password")
    return value


def _mailbox(value: str) -> str:
    if value and ("@" not in parseaddr(value)[1] or "\n" in value or "\r" in value):
        raise ValueError("must be an address or Name <address>")
    return value


def _readable(path: Path) -> Path:
    if not os.access(path, os.R_OK) or not path.is_file():
        raise ValueError("must name a text file that this user may read")
    return path


def _fingerprint(value: str) -> str:
    if not re.fullmatch(r"[0-9A-F]{2}(:[0-9A-F]{2}){31}", value.upper()):
        raise ValueError("must be SHA-256 fingerprints, 32 pairs of hex digits with colons, separated by commas")
    return value.upper()


def _app_id(value: str) -> str:
    if not re.fullmatch(r"[A-Z0-9]{10}\.[A-Za-z0-9.-]+", value):
        raise ValueError("must be application ids such as ABCDE12345.com.example.app, separated by commas")
    return value


def _region(value: str) -> str:
    if value.upper() not in SUPPORTED_REGIONS:
        raise ValueError("must be a country's two letters, such as IN")
    return value.upper()


def _listed(value: object) -> object:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Origin = Annotated[str, AfterValidator(_origin)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
WebPath = Annotated[str, AfterValidator(_path)]
DeepLink = Annotated[str, AfterValidator(_deep_link)]
Mailbox = Annotated[str, AfterValidator(_mailbox)]
ReadableFile = Annotated[Path, AfterValidator(_readable)]
Fingerprint = Annotated[str, AfterValidator(_fingerprint)]
AppId = Annotated[str, AfterValidator(_app_id)]
Region = Annotated[str, AfterValidator(_region)]
Listed = BeforeValidator(_listed)
