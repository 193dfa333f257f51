"""The settings: read from the environment and `.env`, typed, every problem told at once.

No other file reads the environment. What a value may be stands in `config_values`, what the values may not say
together in `config_checks`.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parseaddr
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from tempfile import NamedTemporaryFile
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import EnvSettingsSource

from config_checks import problems_of
from config_values import (
    INSTANCE,
    AppId,
    DatabaseUrl,
    DeepLink,
    Duration,
    Fingerprint,
    Listed,
    Mailbox,
    Origin,
    ReadableFile,
    WebPath,
)

ROOT = Path(__file__).resolve().parent

FROM_FILES = (
    "secret_key",
    "secret_key_fallbacks",
    "jwt_secret",
    "jwt_secret_fallbacks",
    "smtp_pass",
    "database_url",
    "redis_url",
)


class ConfigurationError(Exception):
    """The settings cannot be used. `problems` has one sentence for each thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(BaseSettings):
    """What the environment says. Each field is the environment name in lower case."""

    model_config = SettingsConfigDict(
        env_file=ROOT / ".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    app_env: Literal["development", "production"] = "development"
    app_name: str = Field("Chirpworks", min_length=1, max_length=40, pattern=r"^[^\r\n]+$")
    secret_key: SecretStr = SecretStr("")
    secret_key_fallbacks: Annotated[list[SecretStr], NoDecode, Listed] = []
    database_url: DatabaseUrl = f"sqlite:///{INSTANCE / 'chirp_auth.db'}"
    redis_url: Annotated[str, Field(pattern=r"^(redis|rediss|unix)://")] | None = None

    host: str = "127.0.0.1"
    port: int = Field(5000, ge=1, le=65535)
    web_workers: int = Field(1, ge=1, le=64)
    web_threads: int = Field(8, ge=1, le=128)
    mail_worker: Literal["thread", "external"] = "thread"
    trusted_proxy_hops: int = Field(0, ge=0, le=10)

    public_url: Origin = ""
    frontend_url: Origin = ""
    password_reset_redirect_url: WebPath = "/reset-password"
    mobile_deep_link: DeepLink | None = None
    android_app_package: Annotated[str, Field(pattern=r"^[A-Za-z]\w*(\.[A-Za-z]\w*)+$")] | None = None
    android_cert_fingerprints: Annotated[list[Fingerprint], NoDecode, Listed] = []
    apple_app_ids: Annotated[list[AppId], NoDecode, Listed] = []

    password_reset_token_expires_in: Duration = timedelta(hours=1)
    password_reset_rate_limit_ttl: Duration = timedelta(seconds=3600)
    password_reset_rate_limit_limit: int = Field(3, ge=1)
    rate_limits_enabled: bool = True

    jwt_secret: SecretStr = SecretStr("")
    jwt_secret_fallbacks: Annotated[list[SecretStr], NoDecode, Listed] = []
    jwt_expires_in: Duration = timedelta(hours=1)

    smtp_host: str | None = None
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_user: str | None = None
    smtp_pass: SecretStr | None = None
    smtp_security: Literal["starttls", "tls", "none"] = "none"
    mail_from: Mailbox = ""
    support_email: Mailbox = ""
    security_contact: Annotated[str, Field(pattern=r"^(mailto:|https://|tel:)[!-~]+$")] | None = None

    bcrypt_cost: int = Field(12, ge=4, le=20)
    password_min_length: int = Field(8, ge=8, le=64)
    password_min_guesses: int = Field(100_000, ge=0)
    password_blocklist_file: ReadableFile | None = None
    phone_default_region: str = Field("IN", pattern=r"^[A-Z]{2}$")
    conceal_accounts: bool = False

    @property
    def in_production(self) -> bool:
        return self.app_env == "production"

    @property
    def on_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    def beside_database(self, name: str) -> Path:
        """Return where development keeps what belongs to this database: in `instance/`, or by the SQLite file."""
        if self.on_sqlite:
            return Path(f"{self.database_url.removeprefix('sqlite:///')}.{name}")
        return INSTANCE / f"{sha256(self.database_url.encode()).hexdigest()[:12]}.{name}"

    @property
    def has_dev_mailbox(self) -> bool:
        """Mail goes to the development mailbox: in development, while no SMTP server is named."""
        return not self.in_production and self.smtp_host is None

    @property
    def secret_keys(self) -> list[str]:
        """The signing keys, oldest first: the last one signs, all of them verify."""
        return [key.get_secret_value() for key in (*self.secret_key_fallbacks, self.secret_key)]

    @property
    def jwt_secrets(self) -> list[str]:
        """The keys of access tokens, newest first: the first one signs, all of them verify."""
        return [key.get_secret_value() for key in (self.jwt_secret, *self.jwt_secret_fallbacks)]

    def model_post_init(self, _context: Any) -> None:
        """Fill in what follows from other settings; `model_fields_set` keeps saying what was set."""
        were_set = set(self.model_fields_set)
        self.public_url = self.public_url or f"http://{_in_an_address(self.host)}:{self.port}"
        self.frontend_url = self.frontend_url or self.public_url
        host = urlsplit(self.public_url).hostname or "localhost"
        self.mail_from = self.mail_from or f"{self.app_name} <no-reply@{host}>"
        self.support_email = parseaddr(self.support_email or self.mail_from)[1]
        if "smtp_security" not in self.model_fields_set and self.smtp_user:
            self.smtp_security = "starttls"
        self.model_fields_set.intersection_update(were_set)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        files = (_SecretFiles(settings_cls, source) for source in (env_settings, dotenv_settings))
        return init_settings, next(files), env_settings, next(files), dotenv_settings

    @field_validator(*FROM_FILES, mode="before")
    @classmethod
    def _readable(cls, value: object) -> object:
        if isinstance(value, _Unreadable):
            raise ValueError(value.reason)
        return value


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """Stands for a secret whose file gave none."""

    reason: str


class _SecretFiles(PydanticBaseSettingsSource):
    """Reads SECRET_KEY from the file that SECRET_KEY_FILE names, and so on for each secret."""

    def __init__(self, settings_cls: type[BaseSettings], names: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        assert isinstance(names, EnvSettingsSource)  # noqa: S101 - the environment and `.env` are such sources
        self._variables = names.env_vars

    def __call__(self) -> dict[str, Any]:
        paths = {name: self._variables.get(f"{name}_file") for name in FROM_FILES}
        return {name: self._read(name, path) for name, path in paths.items() if path}

    def _read(self, name: str, path: str) -> str | _Unreadable:
        if self._variables.get(name):
            return _Unreadable(f"is set twice: keep {name.upper()} or {name.upper()}_FILE")
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            return _Unreadable(f"cannot be read from the file that {name.upper()}_FILE names: {reason}")

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The base class asks for it and has no use for it here: the files are read all at once."""
        raise NotImplementedError


def load(**given: Any) -> Settings:
    """Read the settings; `given` values (by field name) win over the environment.

    Raises:
        ConfigurationError: with a sentence for every problem; no sentence repeats a value.
    """
    settings, wrong = _read(given)
    problems = [f"{name.upper()} {sentence}." for name, sentence in wrong]
    refused = {name for name, _ in wrong}
    problems += [problem.sentence for problem in problems_of(settings) if not refused & problem.names]
    if problems:
        raise ConfigurationError(problems)
    if not settings.in_production:
        settings.secret_key = settings.secret_key or _development_secret(settings, "secret_key")
        settings.jwt_secret = settings.jwt_secret or _development_secret(settings, "jwt_secret")
    return settings


def _read(given: dict[str, Any]) -> tuple[Settings, list[tuple[str, str]]]:
    """Return the settings, the default standing for what is refused; and each refused name with a sentence."""
    try:
        return Settings(**given), []
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigurationError([f"The file .env cannot be read: {reason}."]) from None
    wrong = {str(each["loc"][0]): _sentence(each["msg"]) for each in found}
    defaults = {name: Settings.model_fields[name].default for name in wrong}
    return Settings(**{**given, **defaults}), list(wrong.items())


def _development_secret(settings: Settings, name: str) -> SecretStr:
    """Return a random secret that this database keeps, so that a restart signs nobody out."""
    kept = settings.beside_database(name.replace("_", "-"))
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        if not kept.exists():
            with NamedTemporaryFile("w", dir=kept.parent) as draft:  # readable by its owner alone
                draft.write(token_urlsafe(48))
                draft.flush()
                with suppress(FileExistsError):  # another process was first: its secret counts
                    os.link(draft.name, kept)
        return SecretStr(kept.read_text(encoding="utf-8"))
    except OSError as error:
        reason = f"{kept.parent} cannot be used: {error.strerror}"
        raise ConfigurationError([f"{reason}. Set {name.upper()}, or let this user write there."]) from None


def _in_an_address(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104 - every address of this machine: people use this one
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _sentence(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return (
        message
        if message.startswith(("is ", "must ", "cannot "))
        else f"is not valid: {message[0].lower()}{message[1:]}"
    )
