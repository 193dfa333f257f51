"""Where settings come from besides the environment and `.env`: the files that SECRET_KEY_FILE, and so on, name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from pydantic_settings.sources import EnvSettingsSource

FROM_FILES = (
    "secret_key",
    "secret_key_fallbacks",
    "jwt_secret",
    "jwt_secret_fallbacks",
    "audit_key",
    "audit_key_fallbacks",
    "smtp_pass",
    "database_url",
    "redis_url",
    "metrics_token",
)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a secret whose file gave none."""

    reason: str


class SecretFiles(PydanticBaseSettingsSource):
    """Reads SECRET_KEY from the file that SECRET_KEY_FILE names, and so on for each secret."""

    def __init__(self, settings_cls: type[BaseSettings], names: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        assert isinstance(names, EnvSettingsSource)  # noqa: S101 - the environment and `.env` are such sources
        self._variables = names.env_vars

    def __call__(self) -> dict[str, Any]:
        paths = {name: self._variables.get(f"{name}_file") for name in FROM_FILES}
        return {name: self._read(name, path) for name, path in paths.items() if path}

    def _read(self, name: str, path: str) -> str | Unreadable:
        if self._variables.get(name):
            return Unreadable(f"is set twice: keep {name.upper()} or {name.upper()}_FILE")
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            return Unreadable(f"cannot be read from the file that {name.upper()}_FILE names: {reason}")

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The base class asks for it and has no use for it here: the files are read all at once."""
        raise NotImplementedError
