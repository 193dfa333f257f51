"""Checks of the settings together: what production must not start with, and what contradicts itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from config import Settings

MIN_SECRET_CHARACTERS = 32
MIN_PRODUCTION_BCRYPT_COST = 10  # OWASP Password Storage Cheat Sheet: a work factor of 10 or more.

_PLACEHOLDER = re.compile(r"change[ _-]?(me|this)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence about settings (by field name); it says what to do and repeats no value."""

    names: frozenset[str]
    sentence: str


def problems_of(settings: Settings) -> Iterator[Problem]:
    """Yield everything that these settings must not say."""
    if settings.in_production:
        yield from _weak_secrets(settings)
        yield from _unfit_for_production(settings)
    elif exposure := exposed(settings, settings.host, "HOST"):
        yield exposure
    yield from _contradictions(settings)


def exposed(settings: Settings, host: str, name: str) -> Problem | None:
    """Return the problem with development that listens on `host`, which `name` set, where others reach it."""
    if settings.in_production or settings.dev_expose or is_loopback(host):
        return None
    sentence = (
        f"{name} lets others reach a server that is set up for development: set APP_ENV=production, listen on "
        "127.0.0.1, or set DEV_EXPOSE=true if they are meant to, such as a phone in the same network."
    )
    return _problem("host app_env dev_expose", sentence)


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


def _weak_secrets(settings: Settings) -> Iterator[Problem]:
    for name in ("secret_key", "jwt_secret"):
        if flaw := _weakness(getattr(settings, name).get_secret_value()):
            yield _problem(name, f"{name.upper()} {flaw}: set {MIN_SECRET_CHARACTERS} random characters or more.")
    for name in ("secret_key_fallbacks", "jwt_secret_fallbacks"):
        for fallback in getattr(settings, name):
            if flaw := _weakness(fallback.get_secret_value()):
                yield _problem(name, f"{name.upper()} holds a key that {flaw}: remove it.")
    if settings.metrics_token and (flaw := _weakness(settings.metrics_token.get_secret_value())):
        yield _problem("metrics_token", f"METRICS_TOKEN {flaw}: set {MIN_SECRET_CHARACTERS} random characters or more.")
    if settings.jwt_secret.get_secret_value() == settings.secret_key.get_secret_value() != "":
        yield _problem("jwt_secret secret_key", "JWT_SECRET must differ from SECRET_KEY.")


def _unfit_for_production(settings: Settings) -> Iterator[Problem]:
    if "public_url" not in settings.model_fields_set:
        yield _problem("public_url", "PUBLIC_URL is missing: set the https address that people use.")
    for name in ("public_url", "frontend_url"):
        if name in settings.model_fields_set and urlsplit(getattr(settings, name)).scheme != "https":
            yield _problem(name, f"{name.upper()} must begin with https:// in production.")
    if settings.smtp_host is None:
        yield _problem("smtp_host", "SMTP_HOST is missing: production has no development mailbox.")
    elif settings.smtp_security == "none" and not is_loopback(settings.smtp_host):
        sentence = "SMTP_SECURITY=none is allowed towards this machine only: use starttls or tls."
        yield _problem("smtp_security smtp_host", sentence)
    if settings.bcrypt_cost < MIN_PRODUCTION_BCRYPT_COST:
        yield _problem("bcrypt_cost", f"BCRYPT_COST must be {MIN_PRODUCTION_BCRYPT_COST} or more in production.")


def _contradictions(settings: Settings) -> Iterator[Problem]:
    if settings.web_workers > 1 and settings.on_sqlite:
        yield _problem("web_workers database_url", "WEB_WORKERS above 1 needs PostgreSQL: set DATABASE_URL.")
    if settings.web_workers > 1 and not settings.redis_url:
        yield _problem("web_workers redis_url", "WEB_WORKERS above 1 needs REDIS_URL: limits are shared through it.")
    if settings.mail_worker == "external" and settings.on_sqlite:
        yield _problem("mail_worker database_url", "MAIL_WORKER=external needs PostgreSQL: set DATABASE_URL.")
    if bool(settings.android_app_package) != bool(settings.android_cert_fingerprints):
        sentence = "ANDROID_APP_PACKAGE and ANDROID_CERT_FINGERPRINTS belong together: set both or neither."
        yield _problem("android_app_package android_cert_fingerprints", sentence)
    if bool(settings.smtp_user) != bool(settings.smtp_pass):
        yield _problem("smtp_user smtp_pass", "SMTP_USER and SMTP_PASS belong together: set both or neither.")
    if settings.smtp_user and settings.smtp_security == "none" and not is_loopback(settings.smtp_host or ""):
        sentence = "SMTP_SECURITY=none would send SMTP_PASS in the clear: use starttls or tls."
        yield _problem("smtp_security", sentence)


def _problem(names: str, sentence: str) -> Problem:
    return Problem(frozenset(names.split()), sentence)


def _weakness(secret: str) -> str | None:
    if not secret:
        return "is missing"
    if len(secret) < MIN_SECRET_CHARACTERS:
        return f"is shorter than {MIN_SECRET_CHARACTERS} characters"
    return "is easy to guess" if len(set(secret)) < 10 or _PLACEHOLDER.search(secret) else None
