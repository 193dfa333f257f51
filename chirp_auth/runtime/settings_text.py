"""The settings as text: written as in the environment, with secrets masked."""

import re
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from config import Settings

MASK = "…"
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def changed(settings: Settings) -> dict[str, str]:
    """Return the settings that differ from their defaults, by name; no secrets, and no passwords in URLs."""
    fields = Settings.model_fields
    values = {name: getattr(settings, name) for name in fields}
    return {
        name.upper(): masked(value)
        for name, value in values.items()
        if value != fields[name].default and not _is_secret(value)
    }


def masked(value: Any) -> str:
    """Return the value for people to read, without what is secret in it."""
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    if isinstance(value, list):
        return ", ".join(map(masked, value))
    if isinstance(value, str) and "://" in value:
        return re.sub(r"(?<=password=)[^&]*", MASK, re.sub(r"://([^:/@]*):.*@", rf"://\1:{MASK}@", value))
    return "" if value is None else plain(value)


def plain(value: Any) -> str:
    """Return the value as it is written in the environment."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        return next(f"{seconds // size}{unit}" for unit, size in _UNITS if seconds % size == 0)
    return str(value)


def _is_secret(value: Any) -> bool:
    return isinstance(value, SecretStr) or (isinstance(value, list) and any(map(_is_secret, value)))
