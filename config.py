"""The settings: read from the environment, `.env` and files for secrets, typed; every problem is reported at once.

No other file reads the environment. The rules between settings stand in `config_checks`.
"""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parseaddr, quote
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from tempfile import NamedTemporaryFile
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from phonenumbers import SUPPORTED_REGIONS
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import EnvSettingsSource
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from config_checks import problems_of
from config_network import origin_of

ROOT = Path(__file__).resolve().parent
INSTANCE = ROOT / "instance"
_ADDRESS = re.compile(r'[^@\s<>,"]+@[^@\s<>,"]+')
EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - HOST that stands for all of this machine's
_NO_ORIGIN = "must be origins such as https://shop.example.com, separated by commas: no path, no *"
LONGEST = timedelta(days=3650)  # Longer spans overflow datetime.
SHORTEST_PASSWORD = 8  # characters; the setting may ask for more
CORPUS_MAGIC = b"chirpBP1"  # So begins a file of breached passwords (`chirp_auth.security.breached_passwords`).

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"\s*(\d{1,9})\s*([smhd]?)\s*", str(value), re.ASCII)
    if not match or int(match[1]) == 0:
        raise ValueError("is not a duration: write seconds (3600) or a number with s, m, h or d (1h)")
    span = timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
    if span > LONGEST:
        raise ValueError(f"is longer than {LONGEST.days} days")
    return span


def _mail_worker(value: object) -> object:
    return "process" if value == "thread" else value  # Its former name.


def _origin(value: str) -> str:
    if not value:  # Not set: it follows from other settings.
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("is not an http or https address")
    origin_of(value)  # It raises if the port is none.
    return value.rstrip("/")


def _cors_origin(value: str) -> str:
    if not re.fullmatch(r"(?i)https?://(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z.-]+)(:\d{1,5})?/?", value):
        raise ValueError(_NO_ORIGIN)
    try:
        return origin_of(value)
    except ValueError:
        raise ValueError(_NO_ORIGIN) from None


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


def _off(value: object) -> object:
    return None if value == "off" else value


def _corpus(path: Path) -> Path:
    with _readable(path).open("rb") as file:
        if file.read(len(CORPUS_MAGIC)) != CORPUS_MAGIC:
            raise ValueError("must name a file that `flask --app wsgi auth breached build` made, or be off")
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
Corpus = Annotated[Path, AfterValidator(_corpus)]
Fingerprint = Annotated[str, AfterValidator(_fingerprint)]
CorsOrigin = Annotated[str, AfterValidator(_cors_origin)]
AppId = Annotated[str, AfterValidator(_app_id)]
Region = Annotated[str, AfterValidator(_region)]
MailWorker = Annotated[Literal["process", "external"], BeforeValidator(_mail_worker)]
Listed = BeforeValidator(_listed)


FROM_FILES = (
    "secret_key",
    "secret_key_fallbacks",
    "jwt_secret",
    "jwt_secret_fallbacks",
    "audit_key",
    "audit_key_fallbacks",
    "encryption_key",
    "encryption_key_fallbacks",
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


class ConfigurationError(Exception):
    """The settings cannot be used. `problems` has one sentence for each thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(BaseSettings):
    """What the environment says. Each field is the environment name in lower case."""

    model_config = SettingsConfigDict(
        env_file=ROOT / ".env",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    app_env: Literal["development", "production"] = "development"
    """`development` needs no settings; `production` refuses to start with unsafe ones."""
    app_name: str = Field("Chirpworks", min_length=1, max_length=40, pattern=r"^[^\r\n]+$")
    """The product's name, on pages and in mails."""
    secret_key: SecretStr = SecretStr("")
    """Signs cookies and links: 32 random characters or more. `flask --app wsgi auth keys rotate` makes one."""
    secret_key_fallbacks: Annotated[list[SecretStr], NoDecode, Listed] = []
    """Former SECRET_KEYs that still verify, comma-separated; remove each after a month."""
    database_url: DatabaseUrl = f"sqlite:///{INSTANCE / 'chirp_auth.db'}"
    """`postgresql://user:password@host/name`, or `sqlite:////absolute/path`; without it a file in `instance/`."""
    database_pool_size: Annotated[int, Field(ge=2, le=256)] | None = None
    """Connections of each web process to the database; without it WEB_THREADS and two more."""
    redis_url: Annotated[str, Field(pattern=r"^(redis|rediss|unix)://")] | None = None
    """`redis://host:6379/0`: where several processes share the limits. Needed for WEB_WORKERS above 1."""
    migrate: Literal["auto", "never"] = "auto"
    """`auto`: the server migrates the database at its start; `never`: you do, with `flask --app wsgi db upgrade`."""
    insecure_network: bool = False
    """Lets production reach PostgreSQL or Redis on another machine without TLS: in a private network only."""

    host: str = "127.0.0.1"
    """The address to listen on; in development one of this machine's own, unless DEV_EXPOSE is set."""
    dev_expose: bool = False
    """Lets development listen where others reach it, such as a phone in the same network. Ignored in production."""
    port: int = Field(5000, ge=1, le=65535)
    """The port to listen on."""
    web_workers: int = Field(1, ge=1, le=64)
    """Server processes. More than one needs PostgreSQL and REDIS_URL."""
    web_threads: int = Field(8, ge=1, le=128)
    """Requests that each server process works on at once."""
    cpu_affinity: bool = True
    """Keeps each server process on one processor, whichever the system chooses, and its worker off it (Linux)."""
    mail_worker: MailWorker = "process"
    """`process`: the server starts a worker; `external`: `flask --app wsgi auth worker` does the work (PostgreSQL)."""
    trusted_proxy_hops: int = Field(0, ge=0, le=10)
    """How many reverse proxies stand in front and set X-Forwarded-For and X-Forwarded-Proto."""
    metrics_token: SecretStr | None = None
    """What a scraper of /metrics sends as a bearer token; without it only this machine may, and in development only."""

    public_url: Origin = ""
    """The address that people use, such as https://auth.example.com; without it http://HOST:PORT."""
    frontend_url: Origin = ""
    """Where reset links lead, if another site shows the form; without it PUBLIC_URL."""
    password_reset_redirect_url: WebPath = "/reset-password"
    """The path of the page that a reset link opens."""
    cors_origins: Annotated[list[CorsOrigin], NoDecode, Listed] = []
    """Other sites whose pages may call the JSON API, comma-separated, such as https://shop.example.com."""
    mobile_deep_link: DeepLink | None = None
    """The app's own address for resets, such as movr://reset-password: the page then offers to open the app."""
    android_app_package: Annotated[str, Field(pattern=r"^[A-Za-z]\w*(\.[A-Za-z]\w*)+$")] | None = None
    """The Android app that opens our links, such as com.example.app: published in /.well-known/assetlinks.json."""
    android_cert_fingerprints: Annotated[list[Fingerprint], NoDecode, Listed] = []
    """SHA-256 fingerprints of its signing certificates, comma-separated."""
    apple_app_ids: Annotated[list[AppId], NoDecode, Listed] = []
    """iOS apps that open our links, comma-separated: published in /.well-known/apple-app-site-association."""

    passkey_related_origins: Annotated[list[CorsOrigin], NoDecode, Listed] = []
    """Other sites of yours where passkeys of PUBLIC_URL's host work: published in /.well-known/webauthn."""

    password_reset_token_expires_in: Duration = timedelta(hours=1)
    """How long a reset link lives."""
    recovery_delay: Annotated[Duration, Field(ge=timedelta(hours=1))] = timedelta(hours=72)
    """How long whoever lost every second factor waits, while the owner is warned, until they are off (72h, 3d)."""
    password_reset_rate_limit_ttl: Duration = timedelta(seconds=3600)
    """The period of the limit on forgot-password."""
    password_reset_rate_limit_limit: int = Field(3, ge=1)
    """How often one client may ask for a link in that period."""
    rate_limits_enabled: bool = True
    """Whether clients have budgets; mails per address and delays per account stay in any case."""

    jwt_secret: SecretStr = SecretStr("")
    """Signs access tokens: 32 random characters or more, not those of SECRET_KEY."""
    jwt_secret_fallbacks: Annotated[list[SecretStr], NoDecode, Listed] = []
    """Former JWT_SECRETs that still verify, comma-separated; remove each after JWT_EXPIRES_IN."""
    jwt_expires_in: Duration = timedelta(hours=1)
    """How long an access token lives."""

    audit_key: SecretStr = SecretStr("")
    """Seals the audit trail: 32 random characters or more; without it a sub-key of SECRET_KEY. Recommended."""
    audit_key_fallbacks: Annotated[list[SecretStr], NoDecode, Listed] = []
    """Former AUDIT_KEYs that still verify, comma-separated; remove each after KEEP_EVENTS_FOR."""
    encryption_key: SecretStr = SecretStr("")
    """Encrypts the secrets of authenticator apps: 32 random characters or more; without it a sub-key of SECRET_KEY."""
    encryption_key_fallbacks: Annotated[list[SecretStr], NoDecode, Listed] = []
    """Former ENCRYPTION_KEYs that still decrypt, comma-separated; remove each after `auth keys reseal`."""
    audit_head_file: Path | None = None
    """A file that gets a line for every seal of the audit trail: keep a copy of it on another machine."""

    smtp_host: str | None = None
    """The mail server; without it development keeps mail at /dev/mailbox."""
    smtp_port: int = Field(587, ge=1, le=65535)
    """The mail server's port."""
    smtp_user: str | None = None
    """Who signs in to the mail server."""
    smtp_pass: SecretStr | None = None
    """The password for it."""
    smtp_security: Literal["starttls", "tls", "none"] = "none"
    """`starttls`, `tls` or `none`; `starttls` when SMTP_USER is set."""
    smtp_connections: int = Field(8, ge=1, le=64)
    """How many connections to the mail server one worker keeps open at most."""
    mail_from: Mailbox = ""
    """The sender: an address, or Name <address>; without it SMTP_USER, or no-reply at the host of PUBLIC_URL."""
    support_email: Mailbox = ""
    """Where people get help, no no-reply address; production demands it, development has support at PUBLIC_URL's."""
    security_contact: Annotated[str, Field(pattern=r"^(mailto:|https://|tel:)[!-~]+$")] | None = None
    """Where to report a weakness: mailto:, https: or tel:; shown in security.txt."""

    bcrypt_cost: int = Field(12, ge=4, le=20)
    """What a password hash costs; `flask --app wsgi auth doctor` says how long that takes here."""
    hash_wait: Duration = timedelta(seconds=15)
    """How long people wait in turn for a hash when many sign in at once; who would wait longer is refused (503)."""
    password_min_length: int = Field(SHORTEST_PASSWORD, ge=SHORTEST_PASSWORD, le=64)
    """The shortest password, in characters."""
    password_min_guesses: int = Field(100_000, ge=0)
    """How many guesses a password must withstand."""
    password_blocklist_file: ReadableFile | None = None
    """A file with passwords that nobody may choose, one a line."""
    breached_passwords: Annotated[Corpus | None, BeforeValidator(_off)] = None
    """The file of breached passwords that `flask --app wsgi auth breached build` made, or `off`."""
    phone_default_region: Region = "IN"
    """The country in which a phone number without a country code is read."""
    conceal_accounts: bool = False
    """Tell nobody who has an account, at registration and everywhere else. Recommended in production."""

    keep_events_for: Duration = timedelta(days=365)
    """How long the audit trail goes back; older events are cleaned up."""
    keep_mail_for: Duration = timedelta(days=30)
    """How long a mail's record (never its text) is kept after it was sent or given up."""

    @property
    def in_production(self) -> bool:
        return self.app_env == "production"

    @property
    def on_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def database_file(self) -> Path | None:
        """The file of an SQLite database."""
        return Path(self.database_url.removeprefix("sqlite:///")) if self.on_sqlite else None

    def beside_database(self, name: str) -> Path:
        """Return where development keeps what belongs to this database: in `instance/`, or by the SQLite file."""
        if database := self.database_file:
            return database.with_name(f"{database.name}.{name}")
        return INSTANCE / f"{sha256(self.database_url.encode()).hexdigest()[:12]}.{name}"

    @property
    def has_dev_mailbox(self) -> bool:
        """Mail goes to the development mailbox: in development, while no SMTP server is named."""
        return not self.in_production and self.smtp_host is None

    @cached_property
    def permitted_origins(self) -> frozenset[str]:
        """The origins, other than our own, whose pages may call the JSON API."""
        return frozenset({origin_of(self.frontend_url), *self.cors_origins} - {origin_of(self.public_url)})

    @property
    def secret_keys(self) -> list[str]:
        """The signing keys, oldest first: the last one signs, all of them verify."""
        return [key.get_secret_value() for key in (*self.secret_key_fallbacks, self.secret_key)]

    @property
    def jwt_secrets(self) -> list[str]:
        """The keys of access tokens, newest first: the first one signs, all of them verify."""
        return [key.get_secret_value() for key in (self.jwt_secret, *self.jwt_secret_fallbacks)]

    @property
    def audit_keys(self) -> list[str]:
        """The keys of the audit trail, oldest first: the last one seals. None if AUDIT_KEY is not set."""
        keys = [*self.audit_key_fallbacks, self.audit_key] if self.audit_key else []
        return [key.get_secret_value() for key in keys]

    @property
    def encryption_keys(self) -> list[str]:
        """The keys of what is encrypted at rest, oldest first: the last one encrypts. None without ENCRYPTION_KEY."""
        keys = [*self.encryption_key_fallbacks, self.encryption_key] if self.encryption_key else []
        return [key.get_secret_value() for key in keys]

    def model_post_init(self, _context: Any) -> None:
        """Fill in what follows from other settings; `model_fields_set` keeps saying what was set."""
        were_set = set(self.model_fields_set)
        self.public_url = self.public_url or f"http://{in_an_address(self.host)}:{self.port}"
        self.frontend_url = self.frontend_url or self.public_url
        host = urlsplit(self.public_url).hostname or "localhost"
        sender = self.smtp_user if _ADDRESS.fullmatch(self.smtp_user or "") else f"no-reply@{host}"
        self.mail_from = self.mail_from or f"{_as_display_name(self.app_name)} <{sender}>"
        self.support_email = parseaddr(self.support_email)[1] or f"support@{host}"
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
        files = (SecretFiles(settings_cls, source) for source in (env_settings, dotenv_settings))
        return init_settings, next(files), env_settings, next(files), dotenv_settings

    @field_validator(*FROM_FILES, mode="before")
    @classmethod
    def _readable(cls, value: object) -> object:
        if isinstance(value, Unreadable):
            raise ValueError(value.reason)
        return value


def load(*, may_make_folders: bool = False, **given: Any) -> Settings:
    """Read the settings; `given` values (by field name) win over the environment.

    The folder of an SQLite database and of development's secrets is made for whoever `may_make_folders`; for others
    only `instance/`, so that a slip in DATABASE_URL leaves none behind.

    Raises:
        ConfigurationError: with a sentence for every problem; no sentence repeats a value.
    """
    settings, wrong = _read(given)
    problems = [f"{name.upper()} {sentence}." for name, sentence in wrong]
    refused = {name for name, _ in wrong}
    problems += [problem.sentence for problem in problems_of(settings) if not refused & problem.names]
    if problems:
        raise ConfigurationError(problems)
    folder = settings.beside_database("db").parent
    if (settings.on_sqlite or not settings.in_production) and (may_make_folders or folder == INSTANCE):
        _make_folder(folder)
    if not settings.in_production:
        settings.secret_key = settings.secret_key or _development_secret(settings, "secret_key")
        settings.jwt_secret = settings.jwt_secret or _development_secret(settings, "jwt_secret")
        settings.audit_key = settings.audit_key or _development_secret(settings, "audit_key")
        settings.encryption_key = settings.encryption_key or _development_secret(settings, "encryption_key")
    return settings


def in_an_address(host: str) -> str:
    """Return how an URL names the host on which we listen."""
    if host in EVERY_ADDRESS:
        return "localhost"
    return f"[{host}]" if ":" in host else host


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
        if not kept.exists():
            with NamedTemporaryFile("w", dir=kept.parent) as draft:  # readable by its owner alone
                draft.write(token_urlsafe(48))
                draft.flush()
                with suppress(FileExistsError):  # another process was first: its secret counts
                    os.link(draft.name, kept)
        return SecretStr(kept.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unusable(kept.parent, error) from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from None


def _unusable(folder: Path, error: OSError) -> ConfigurationError:
    mend = "Let there be such a folder in which this user may write, or change DATABASE_URL."
    return ConfigurationError([f"The database's folder {folder} cannot be used: {error.strerror}. {mend}"])


def _as_display_name(name: str) -> str:
    """Return the name as RFC 5322 wants it before an address: quoted if a character in it means something there."""
    return f'"{quote(name)}"' if re.search(r'[][()<>@,:;."\\]', name) else name


def _sentence(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return (
        message
        if message.startswith(("is ", "must ", "cannot "))
        else f"is not valid: {message[0].lower()}{message[1:]}"
    )
