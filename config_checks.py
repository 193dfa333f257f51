"""Checks of the settings together: what production must not start with, and what contradicts itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations, product
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from config_keys import MIN_KEY_CHARACTERS, are_alike, weakness
from config_network import is_loopback, is_remote_database_in_the_clear, is_remote_redis_in_the_clear

if TYPE_CHECKING:
    from config import Settings

MIN_PRODUCTION_BCRYPT_COST = 10  # OWASP Password Storage Cheat Sheet: a work factor of 10 or more.
MIN_PRODUCTION_GUESSES = 1000  # What zxcvbn calls "too guessable" is below.
LONGEST_PRODUCTION_LIFE = timedelta(hours=24)

_NO_REPLY = re.compile(r"(^|[-_.+])(no|do[-_.]?not|don'?t)[-_.]?(reply|respond)", re.IGNORECASE)


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


def warnings_of(settings: Settings) -> Iterator[str]:
    """Yield what may be, and had better not; each sentence names its setting."""
    if not settings.rate_limits_enabled:
        yield "RATE_LIMITS_ENABLED=false lets every client ask without end."
    if not settings.in_production and _is_no_reply(settings.support_email):  # Production refuses it.
        yield "SUPPORT_EMAIL is a no-reply address, but people in trouble write to it."
    if settings.in_production and settings.insecure_network:
        for name in _read_by_the_network(settings):
            yield f"INSECURE_NETWORK=true sends what {name} names through the network in the clear."


def _weak_secrets(settings: Settings) -> Iterator[Problem]:
    keys = _keys(settings)
    for name in ("secret_key", "jwt_secret"):
        if flaw := weakness(getattr(settings, name).get_secret_value()):
            yield _problem(name, f"{name.upper()} {flaw}: set {MIN_KEY_CHARACTERS} random characters or more.")
    for name in ("secret_key_fallbacks", "jwt_secret_fallbacks", "audit_key_fallbacks", "encryption_key_fallbacks"):
        for flaw in filter(None, map(weakness, keys[name])):
            yield _problem(name, f"{name.upper()} holds a key that {flaw}: remove it.")
    for name in ("metrics_token", "audit_key", "encryption_key"):
        secret = getattr(settings, name)
        if secret and (flaw := weakness(secret.get_secret_value())):
            yield _problem(name, f"{name.upper()} {flaw}: set {MIN_KEY_CHARACTERS} random characters or more.")
    for one, other in combinations(keys, 2):
        if any(_are_too_close(one, other, *pair) for pair in product(keys[one], keys[other])):
            sentence = f"{other.upper()} must differ from {one.upper()}: let each be random by itself."
            yield _problem(f"{one} {other}", sentence)


def _keys(settings: Settings) -> dict[str, list[str]]:
    given = {
        "secret_key": [settings.secret_key],
        "secret_key_fallbacks": settings.secret_key_fallbacks,
        "jwt_secret": [settings.jwt_secret],
        "jwt_secret_fallbacks": settings.jwt_secret_fallbacks,
        "audit_key": [settings.audit_key] if settings.audit_key else [],
        "audit_key_fallbacks": settings.audit_key_fallbacks,
        "encryption_key": [settings.encryption_key] if settings.encryption_key else [],
        "encryption_key_fallbacks": settings.encryption_key_fallbacks,
        "metrics_token": [settings.metrics_token] if settings.metrics_token else [],
    }
    return {name: [secret.get_secret_value() for secret in secrets] for name, secrets in given.items()}


def _are_too_close(one_name: str, other_name: str, one: str, other: str) -> bool:
    """A key may be among its own fallbacks, as it is while `keys rotate` writes the files."""
    if one == other and other_name == f"{one_name}_fallbacks":
        return False
    return are_alike(one, other)


def _read_by_the_network(settings: Settings) -> Iterator[str]:
    if is_remote_database_in_the_clear(settings.database_url):
        yield "DATABASE_URL"
    if settings.redis_url and is_remote_redis_in_the_clear(settings.redis_url):
        yield "REDIS_URL"


def _unfit_for_production(settings: Settings) -> Iterator[Problem]:
    if "public_url" not in settings.model_fields_set:
        yield _problem("public_url", "PUBLIC_URL is missing: set the https address that people use.")
    for name in ("public_url", "frontend_url"):
        if name in settings.model_fields_set and urlsplit(getattr(settings, name)).scheme != "https":
            yield _problem(name, f"{name.upper()} must begin with https:// in production.")
    if any(
        origin.startswith("http:") and not is_loopback(urlsplit(origin).hostname or "")
        for origin in settings.cors_origins
    ):
        sentence = "CORS_ORIGINS must begin with https:// in production, unless they are this machine's."
        yield _problem("cors_origins", sentence)
    if settings.smtp_host is None:
        yield _problem("smtp_host", "SMTP_HOST is missing: production has no development mailbox.")
    elif settings.smtp_security == "none" and not is_loopback(settings.smtp_host):
        sentence = "SMTP_SECURITY=none is allowed towards this machine only: use starttls or tls."
        yield _problem("smtp_security smtp_host", sentence)
    if settings.bcrypt_cost < MIN_PRODUCTION_BCRYPT_COST:
        yield _problem("bcrypt_cost", f"BCRYPT_COST must be {MIN_PRODUCTION_BCRYPT_COST} or more in production.")
    if settings.password_min_guesses < MIN_PRODUCTION_GUESSES:
        sentence = f"PASSWORD_MIN_GUESSES must be {MIN_PRODUCTION_GUESSES} or more in production."
        yield _problem("password_min_guesses", sentence)
    for name in ("password_reset_token_expires_in", "jwt_expires_in"):
        if getattr(settings, name) > LONGEST_PRODUCTION_LIFE:
            yield _problem(name, f"{name.upper()} must be 24h or less in production.")
    if "support_email" not in settings.model_fields_set:
        yield _problem("support_email", "SUPPORT_EMAIL is missing: set the address at which people get help.")
    elif _is_no_reply(settings.support_email):
        sentence = "SUPPORT_EMAIL must not be a no-reply address: people in trouble write to it."
        yield _problem("support_email", sentence)
    if not settings.insecure_network:
        for name in _read_by_the_network(settings):
            scheme = "sslmode=verify-full" if name == "DATABASE_URL" else "rediss://"
            sentence = f"{name} names another machine without TLS: use {scheme}, or set INSECURE_NETWORK=true."
            yield _problem(f"{name.lower()} insecure_network", sentence)


def _is_no_reply(address: str) -> bool:
    return bool(_NO_REPLY.search(address.rpartition("@")[0]))


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
