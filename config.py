"""The settings: read from the environment and `.env`, typed, every problem told at once."""

import os
import re
from contextlib import suppress
from datetime import timedelta
from email.utils import parseaddr
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from secrets import token_urlsafe
from tempfile import NamedTemporaryFile
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import EnvSettingsSource

ROOT = Path(__file__).resolve().parent
INSTANCE = ROOT / "instance"

MIN_SECRET_CHARACTERS = 32
MIN_PRODUCTION_BCRYPT_COST = 10  # OWASP Password Storage Cheat Sheet: a work factor of 10 or more.

FROM_FILES = (
    "secret_key",
    "secret_key_fallbacks",
    "jwt_secret",
    "jwt_secret_fallbacks",
    "smtp_pass",
    "database_url",
    "redis_url",
)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class ConfigurationError(Exception):
    """The settings cannot be used. `problems` has one sentence for each thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"\s*(\d{1,9})\s*([smhd]?)\s*", str(value))
    if not found or int(found[1]) == 0:
        raise ValueError("is not a duration: write seconds (3600) or a number with s, m, h or d (1h)")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def _origin(value: str) -> str:
    if not value:  # Not set: `model_post_init` fills it in.
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("is not an http or https address")
    return value.rstrip("/")


def _sqlalchemy_url(value: str) -> str:
    scheme, found, rest = value.partition("://")
    if not found:
        raise ValueError("is not a database URL")
    if scheme in ("postgres", "postgresql"):
        return f"postgresql+psycopg://{rest}"
    if scheme not in ("sqlite", "postgresql+psycopg"):
        raise ValueError("must begin with sqlite:/// or postgresql://")
    return value


def _listed(value: object) -> object:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _path(value: str) -> str:
    if not value.startswith("/") or value.startswith("//") or "?" in value:
        raise ValueError("must be a path that begins with one slash")
    return value


def _deep_link(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^\s?#]*", value) or value.startswith("javascript:"):
        raise ValueError("must be an address with the app's own scheme, such as movr://reset-password")
    return value


def _mailbox(value: str) -> str:
    if not value:  # Likewise.
        return value
    if "@" not in parseaddr(value)[1] or "\n" in value or "\r" in value:
        raise ValueError("must be an address or Name <address>")
    return value


def _readable(path: Path) -> Path:
    if not os.access(path, os.R_OK) or not path.is_file():
        raise ValueError("must name a text file that this user may read")
    return path


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Origin = Annotated[str, AfterValidator(_origin)]
Mailbox = Annotated[str, AfterValidator(_mailbox)]


class Settings(BaseSettings):
    """What the environment says. Each field is the environment name in lower case."""

    model_config = SettingsConfigDict(
        env_file=ROOT / ".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    app_env: Literal["development", "production"] = "development"
    app_name: str = Field("Chirpworks", min_length=1, max_length=40, pattern=r"^[^\r\n]+$")
    secret_key: SecretStr = SecretStr("")
    secret_key_fallbacks: Annotated[list[SecretStr], NoDecode, BeforeValidator(_listed)] = []
    database_url: Annotated[str, AfterValidator(_sqlalchemy_url)] = f"sqlite:///{INSTANCE / 'chirp_auth.db'}"
    redis_url: Annotated[str, Field(pattern=r"^(redis|rediss|unix)://")] | None = None

    host: str = "127.0.0.1"
    port: int = Field(5000, ge=1, le=65535)
    web_workers: int = Field(1, ge=1, le=64)
    web_threads: int = Field(8, ge=1, le=128)
    mail_worker: Literal["thread", "external"] = "thread"
    trusted_proxy_hops: int = Field(0, ge=0, le=10)

    public_url: Origin = ""
    frontend_url: Origin = ""
    password_reset_redirect_url: Annotated[str, AfterValidator(_path)] = "/reset-password"
    mobile_deep_link: Annotated[str, AfterValidator(_deep_link)] | None = None

    password_reset_token_expires_in: Duration = timedelta(hours=1)
    password_reset_rate_limit_ttl: Duration = timedelta(seconds=3600)
    password_reset_rate_limit_limit: int = Field(3, ge=1)
    rate_limits_enabled: bool = True

    jwt_secret: SecretStr = SecretStr("")
    jwt_secret_fallbacks: Annotated[list[SecretStr], NoDecode, BeforeValidator(_listed)] = []
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
    password_blocklist_file: Annotated[Path, AfterValidator(_readable)] | None = None
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

    def model_post_init(self, _context: Any) -> None:
        """Fill in what follows from other settings."""
        self.public_url = self.public_url or f"http://{self.host}:{self.port}"
        self.frontend_url = self.frontend_url or self.public_url
        host = urlsplit(self.public_url).hostname or "localhost"
        self.mail_from = self.mail_from or f"{self.app_name} <no-reply@{host}>"
        self.support_email = parseaddr(self.support_email or self.mail_from)[1]
        if "smtp_security" not in self.model_fields_set and self.smtp_user:
            self.smtp_security = "starttls"

    @property
    def jwt_secrets(self) -> list[str]:
        """The keys of access tokens, newest first: the first one signs, all of them verify."""
        return [key.get_secret_value() for key in (self.jwt_secret, *self.jwt_secret_fallbacks)]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _SecretFiles(settings_cls), dotenv_settings


class _SecretFiles(EnvSettingsSource):
    """Reads SECRET_KEY from the file that SECRET_KEY_FILE names, and so on for each secret."""

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in FROM_FILES:
            if path := self.env_vars.get(f"{name}_file"):
                try:
                    found[name] = Path(path).read_text(encoding="utf-8").strip()
                except (OSError, UnicodeDecodeError) as error:
                    reason = getattr(error, "strerror", None) or "it is not text"
                    raise ConfigurationError(
                        [f"{name.upper()}_FILE cannot be read: {reason}. Name a file this user may read."]
                    ) from None
        return found


def load(**given: Any) -> Settings:
    """Read the settings; `given` values (by field name) win over the environment.

    Raises:
        ConfigurationError: with a sentence for every problem; no sentence repeats a value.
    """
    problems: list[str] = []
    refused: set[str] = set()
    try:
        settings = Settings(**given)
    except ValidationError as error:
        for wrong in error.errors(include_input=False, include_url=False, include_context=False):
            name = str(wrong["loc"][0])
            refused.add(name)
            problems.append(f"{name.upper()} {_sentence(wrong['msg'])}.")
        settings = Settings(**{**given, **{name: Settings.model_fields[name].default for name in refused}})
    if settings.in_production:
        problems += [text for names, text in _production_problems(settings) if not refused.intersection(names)]
    problems += [text for names, text in _contradictions(settings) if not refused.intersection(names)]
    if problems:
        raise ConfigurationError(problems)
    if not settings.in_production:
        settings.secret_key = settings.secret_key or _development_secret(settings, "secret_key")
        settings.jwt_secret = settings.jwt_secret or _development_secret(settings, "jwt_secret")
    return settings


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


def _sentence(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message if message.startswith(("is ", "must ")) else f"is not valid: {message[0].lower()}{message[1:]}"


def _production_problems(settings: Settings) -> list[tuple[tuple[str, ...], str]]:
    found: list[tuple[tuple[str, ...], str]] = []
    for name in ("secret_key", "jwt_secret"):
        if flaw := _weakness(getattr(settings, name).get_secret_value()):
            found.append(((name,), f"{name.upper()} {flaw}: set {MIN_SECRET_CHARACTERS} random characters or more."))
    for name in ("secret_key_fallbacks", "jwt_secret_fallbacks"):
        for fallback in getattr(settings, name):
            if flaw := _weakness(fallback.get_secret_value()):
                found.append(((name,), f"{name.upper()} holds a key that {flaw}: remove it."))
    if settings.jwt_secret.get_secret_value() == settings.secret_key.get_secret_value() != "":
        found.append((("jwt_secret", "secret_key"), "JWT_SECRET must differ from SECRET_KEY."))
    if "public_url" not in settings.model_fields_set:
        found.append((("public_url",), "PUBLIC_URL is missing: set the https address that people use."))
    for name in ("public_url", "frontend_url"):
        if name in settings.model_fields_set and urlsplit(getattr(settings, name)).scheme != "https":
            found.append(((name,), f"{name.upper()} must begin with https:// in production."))
    if settings.smtp_host is None:
        found.append((("smtp_host",), "SMTP_HOST is missing: production has no development mailbox."))
    if settings.smtp_host and settings.smtp_security == "none" and not _is_loopback(settings.smtp_host):
        found.append(
            (
                ("smtp_security", "smtp_host"),
                "SMTP_SECURITY=none is allowed towards this machine only: use starttls or tls.",
            )
        )
    if settings.bcrypt_cost < MIN_PRODUCTION_BCRYPT_COST:
        found.append((("bcrypt_cost",), f"BCRYPT_COST must be {MIN_PRODUCTION_BCRYPT_COST} or more in production."))
    return found


def _contradictions(settings: Settings) -> list[tuple[tuple[str, ...], str]]:
    found: list[tuple[tuple[str, ...], str]] = []
    if settings.web_workers > 1 and settings.on_sqlite:
        found.append((("web_workers", "database_url"), "WEB_WORKERS above 1 needs PostgreSQL: set DATABASE_URL."))
    if settings.web_workers > 1 and not settings.redis_url:
        found.append(
            (
                ("web_workers", "redis_url"),
                "WEB_WORKERS above 1 needs REDIS_URL: limits are shared through it.",
            )
        )
    if settings.mail_worker == "external" and settings.on_sqlite:
        found.append((("mail_worker", "database_url"), "MAIL_WORKER=external needs PostgreSQL: set DATABASE_URL."))
    if bool(settings.smtp_user) != bool(settings.smtp_pass):
        found.append((("smtp_user", "smtp_pass"), "SMTP_USER and SMTP_PASS belong together: set both or neither."))
    if settings.smtp_user and settings.smtp_security == "none":
        found.append((("smtp_security",), "SMTP_SECURITY=none would send SMTP_PASS in the clear: use starttls or tls."))
    return found


def _weakness(secret: str) -> str | None:
    if not secret:
        return "is missing"
    if len(secret) < MIN_SECRET_CHARACTERS:
        return f"is shorter than {MIN_SECRET_CHARACTERS} characters"
    return "is easy to guess" if len(set(secret)) < 10 else None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
