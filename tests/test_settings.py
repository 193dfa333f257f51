"""Settings: every published name is read, and what cannot work is told in words, all at once, without its value."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config import INSTANCE, ConfigurationError, Settings, load

KEY = "5f1d93c07a2be84610f9ad37c52e8b64"
OTHER_KEY = "Zk3vQ9-xT7_mWb2Rf8LpYc4HdJ6sNgAe"
FORMER_KEY = "0c6e41b8f73ad592e80b17d4a6f3952c"

GOOD_PRODUCTION = {
    "APP_ENV": "production",
    "SECRET_KEY": KEY,
    "JWT_SECRET": OTHER_KEY,
    "PUBLIC_URL": "https://auth.example.com",
    "SMTP_HOST": "smtp.example.com",
    "SMTP_SECURITY": "starttls",
    "SUPPORT_EMAIL": "help@example.com",
}

Load = Callable[..., Settings]


@pytest.fixture
def load_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    """Read the settings from these environment variables and this `.env`, and from nothing else."""
    for name in Settings.model_fields:
        for variable in (name.upper(), f"{name.upper()}_FILE"):
            monkeypatch.delenv(variable, raising=False)

    def read(dotenv: str = "", **environment: str) -> Settings:
        (tmp_path / ".env").write_text(dotenv)
        for name, value in {"DATABASE_URL": f"sqlite:///{tmp_path}/chirp.db", **environment}.items():
            monkeypatch.setenv(name, value)
        return load(_env_file=tmp_path / ".env")

    return read


def problems(read: Load, **environment: str) -> list[str]:
    with pytest.raises(ConfigurationError) as refusal:
        read(**environment)
    return refusal.value.problems


def test_nothing_has_to_be_set_in_development(load_from: Load) -> None:
    settings = load_from()

    assert (settings.app_env, settings.app_name, settings.host, settings.port) == (
        "development",
        "Chirpworks",
        "127.0.0.1",
        5000,
    )
    assert settings.public_url == settings.frontend_url == "http://127.0.0.1:5000"
    assert (settings.password_reset_redirect_url, settings.mobile_deep_link) == ("/reset-password", None)
    assert settings.password_reset_token_expires_in == settings.jwt_expires_in == timedelta(hours=1)
    assert settings.password_reset_rate_limit_ttl == timedelta(hours=1)
    assert (settings.password_reset_rate_limit_limit, settings.rate_limits_enabled) == (3, True)
    assert (settings.smtp_host, settings.smtp_port, settings.smtp_security) == (None, 587, "none")
    assert (settings.bcrypt_cost, settings.password_min_length, settings.password_min_guesses) == (12, 8, 100_000)
    assert (settings.phone_default_region, settings.trusted_proxy_hops) == ("IN", 0)
    assert (settings.web_workers, settings.mail_worker, settings.conceal_accounts) == (1, "process", False)


def test_the_default_database_is_a_file_in_instance() -> None:
    assert Settings.model_fields["database_url"].default == f"sqlite:///{INSTANCE}/chirp_auth.db"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("APP_ENV", "development", "development"),
        ("APP_NAME", "Birdhouse", "Birdhouse"),
        ("HOST", "::1", "::1"),
        ("PORT", "8080", 8080),
        ("WEB_THREADS", "3", 3),
        ("MAIL_WORKER", "thread", "process"),
        ("PUBLIC_URL", "https://auth.example.com/", "https://auth.example.com"),
        ("FRONTEND_URL", "https://app.example.com", "https://app.example.com"),
        ("PASSWORD_RESET_REDIRECT_URL", "/new-password", "/new-password"),
        ("MOBILE_DEEP_LINK", "movr://reset-password", "movr://reset-password"),
        ("PASSWORD_RESET_TOKEN_EXPIRES_IN", "30m", timedelta(minutes=30)),
        ("PASSWORD_RESET_RATE_LIMIT_TTL", "90s", timedelta(seconds=90)),
        ("PASSWORD_RESET_RATE_LIMIT_LIMIT", "7", 7),
        ("RATE_LIMITS_ENABLED", "false", False),
        ("JWT_EXPIRES_IN", "7d", timedelta(days=7)),
        ("SMTP_HOST", "smtp.example.com", "smtp.example.com"),
        ("SMTP_PORT", "2525", 2525),
        ("SMTP_SECURITY", "tls", "tls"),
        ("MAIL_FROM", "Birds <birds@example.com>", "Birds <birds@example.com>"),
        ("SUPPORT_EMAIL", "Help <help@example.com>", "help@example.com"),
        ("BCRYPT_COST", "11", 11),
        ("PASSWORD_MIN_LENGTH", "12", 12),
        ("PASSWORD_MIN_GUESSES", "5000", 5000),
        ("PHONE_DEFAULT_REGION", "DE", "DE"),
        ("TRUSTED_PROXY_HOPS", "2", 2),
        ("CONCEAL_ACCOUNTS", "true", True),
        ("REDIS_URL", "redis://127.0.0.1:6379/1", "redis://127.0.0.1:6379/1"),
    ],
)
def test_each_published_name_is_read(load_from: Load, name: str, text: str, value: Any) -> None:
    assert getattr(load_from(**{name: text}), name.lower()) == value


@pytest.mark.parametrize(
    ("host", "address"),
    [("0.0.0.0", "http://localhost:81"), ("::", "http://localhost:81"), ("::1", "http://[::1]:81")],
)
def test_the_public_url_follows_from_where_we_listen(load_from: Load, host: str, address: str) -> None:
    assert load_from(HOST=host, PORT="81", DEV_EXPOSE="true").public_url == address


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("3600", 3600), ("90s", 90), ("30m", 1800), ("1h", 3600), ("7d", 604_800), (" 15 m ", 900)],
)
def test_a_duration_is_seconds_or_has_a_unit(load_from: Load, text: str, seconds: int) -> None:
    assert load_from(PASSWORD_RESET_TOKEN_EXPIRES_IN=text).password_reset_token_expires_in.total_seconds() == seconds


@pytest.mark.parametrize("text", ["0", "-1", "1w", "an hour", "1.5h", "1h30m", "٣٠"])
def test_another_text_is_no_duration(load_from: Load, text: str) -> None:
    (problem,) = problems(load_from, JWT_EXPIRES_IN=text)

    assert problem.startswith("JWT_EXPIRES_IN is not a duration: write seconds (3600) or")


def test_a_duration_stays_within_the_calendar(load_from: Load) -> None:
    assert load_from(JWT_EXPIRES_IN="3650d").jwt_expires_in.days == 3650
    assert problems(load_from, JWT_EXPIRES_IN="99999999d") == ["JWT_EXPIRES_IN is longer than 3650 days."]


@pytest.mark.parametrize("region", ["XX", "IND", "1"])
def test_a_region_must_be_a_country_with_telephones(load_from: Load, region: str) -> None:
    assert load_from(PHONE_DEFAULT_REGION="de").phone_default_region == "DE"
    (problem,) = problems(load_from, PHONE_DEFAULT_REGION=region)
    assert problem.startswith("PHONE_DEFAULT_REGION must be a country's two letters")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_way_to_name_postgresql_means_psycopg_3(load_from: Load, scheme: str) -> None:
    settings = load_from(DATABASE_URL=f"{scheme}://chirp:p%40ss@db.example.com/chirp", SECRET_KEY=KEY, JWT_SECRET=KEY)

    assert settings.database_url == "postgresql+psycopg://chirp:p%40ss@db.example.com/chirp"
    assert not settings.on_sqlite


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "sqlite:///x.db?mode=ro", "mysql://a/b", "chirp.db", "postgresql://h:port/x"],
)
def test_a_database_that_cannot_work_is_refused(load_from: Load, url: str) -> None:
    (problem,) = problems(load_from, DATABASE_URL=url)

    assert problem.startswith("DATABASE_URL ")


def test_a_relative_sqlite_file_is_in_instance_wherever_the_server_is_started(load_from: Load) -> None:
    settings = load_from(DATABASE_URL="sqlite:///birds.db", SECRET_KEY=KEY, JWT_SECRET=OTHER_KEY)

    assert settings.database_url == f"sqlite:///{INSTANCE}/birds.db"


def test_a_secret_can_come_from_a_file(load_from: Load, tmp_path: Path) -> None:
    names = ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "JWT_SECRET", "SMTP_PASS", "DATABASE_URL", "REDIS_URL")
    texts = (KEY, f"{OTHER_KEY},{FORMER_KEY}", OTHER_KEY, "pass word", "postgres://h/x", "redis://h/0")
    for name, text in zip(names, texts, strict=True):
        (tmp_path / name).write_text(f"{text}\n")
    files = {f"{name}_FILE": str(tmp_path / name) for name in names}

    settings = load_from(DATABASE_URL="", SMTP_USER="chirp", **files)

    assert settings.secret_keys == [OTHER_KEY, FORMER_KEY, KEY]
    assert settings.jwt_secret.get_secret_value() == OTHER_KEY
    assert settings.smtp_pass is not None
    assert settings.smtp_pass.get_secret_value() == "pass word"
    assert settings.smtp_security == "starttls", "a password is not sent in the clear"
    assert (settings.database_url, settings.redis_url) == ("postgresql+psycopg://h/x", "redis://h/0")


def test_a_dotenv_file_is_read_and_the_environment_wins(load_from: Load, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)

    settings = load_from(f"PORT=6000\nAPP_NAME='From a file'\nSECRET_KEY_FILE={tmp_path / 'key'}\n", PORT="7000")

    assert (settings.port, settings.app_name, settings.secret_keys) == (7000, "From a file", [KEY])


def test_a_secret_file_that_cannot_be_read_is_told_with_all_the_rest(load_from: Load, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    files = {"SECRET_KEY_FILE": str(tmp_path / "missing"), "JWT_SECRET_FILE": str(tmp_path / "binary")}

    assert set(problems(load_from, PORT="0", **files)) == {
        "PORT is not valid: input should be greater than or equal to 1.",
        "SECRET_KEY cannot be read from the file that SECRET_KEY_FILE names: No such file or directory.",
        "JWT_SECRET cannot be read from the file that JWT_SECRET_FILE names: it is not text.",
    }


def test_a_secret_that_is_set_twice_is_refused(load_from: Load, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)

    found = problems(load_from, SECRET_KEY=KEY, SECRET_KEY_FILE=str(tmp_path / "key"))

    assert found == ["SECRET_KEY is set twice: keep SECRET_KEY or SECRET_KEY_FILE."]


def test_production_with_good_settings_starts(load_from: Load) -> None:
    settings = load_from(**GOOD_PRODUCTION)

    assert settings.in_production
    assert not settings.has_dev_mailbox
    assert settings.mail_from == "Chirpworks <no-reply@auth.example.com>"
    assert settings.support_email == "help@example.com"


def test_production_lists_everything_that_is_missing_at_once(load_from: Load) -> None:
    assert problems(load_from, APP_ENV="production") == [
        "SECRET_KEY is missing: set 32 random characters or more.",
        "JWT_SECRET is missing: set 32 random characters or more.",
        "PUBLIC_URL is missing: set the https address that people use.",
        "SMTP_HOST is missing: production has no development mailbox.",
        "SUPPORT_EMAIL is missing: set the address at which people get help.",
    ]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"SECRET_KEY": "short"}, "SECRET_KEY is shorter than 32 characters"),
        ({"SECRET_KEY": "ab" * 20}, "SECRET_KEY is easy to guess"),
        ({"JWT_SECRET": "change-me-before-you-go-to-production"}, "JWT_SECRET is easy to guess"),
        ({"JWT_SECRET": KEY}, "JWT_SECRET must differ from SECRET_KEY"),
        ({"SECRET_KEY_FALLBACKS": f"{FORMER_KEY},short"}, "SECRET_KEY_FALLBACKS holds a key that is shorter"),
        ({"PUBLIC_URL": "http://auth.example.com"}, "PUBLIC_URL must begin with https://"),
        ({"FRONTEND_URL": "http://app.example.com"}, "FRONTEND_URL must begin with https://"),
        ({"SMTP_SECURITY": "none"}, "SMTP_SECURITY=none is allowed towards this machine only"),
        ({"BCRYPT_COST": "9"}, "BCRYPT_COST must be 10 or more"),
    ],
)
def test_production_refuses_what_is_unsafe(load_from: Load, changed: dict[str, str], told: str) -> None:
    (problem,) = problems(load_from, **{**GOOD_PRODUCTION, **changed})

    assert problem.startswith(told)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_mail_in_the_clear_may_go_to_this_machine(load_from: Load, host: str) -> None:
    plain_text = {**GOOD_PRODUCTION, "SMTP_HOST": host, "SMTP_SECURITY": "none"}

    assert load_from(**plain_text).smtp_security == "none"
    assert load_from(**plain_text, SMTP_USER="chirp", SMTP_PASS="secret").smtp_security == "none"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"WEB_WORKERS": "2", "REDIS_URL": "redis://h/0"}, ["WEB_WORKERS above 1 needs PostgreSQL: set DATABASE_URL."]),
        (
            {"WEB_WORKERS": "2", "DATABASE_URL": "postgresql://h/x"},
            ["WEB_WORKERS above 1 needs REDIS_URL: limits are shared through it."],
        ),
        ({"MAIL_WORKER": "external"}, ["MAIL_WORKER=external needs PostgreSQL: set DATABASE_URL."]),
        ({"SMTP_USER": "chirp"}, ["SMTP_USER and SMTP_PASS belong together: set both or neither."]),
        ({"SMTP_PASS": "secret"}, ["SMTP_USER and SMTP_PASS belong together: set both or neither."]),
        (
            {"SMTP_HOST": "mail.example.com", "SMTP_USER": "chirp", "SMTP_PASS": "secret", "SMTP_SECURITY": "none"},
            ["SMTP_SECURITY=none would send SMTP_PASS in the clear: use starttls or tls."],
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    load_from: Load, changed: dict[str, str], told: list[str]
) -> None:
    assert problems(load_from, **changed) == told


def test_no_problem_repeats_a_value(load_from: Load) -> None:
    value = "ev1l-\x1b[31mvalue"
    names = (name.upper() for name in Settings.model_fields if name not in ("secret_key", "jwt_secret", "host"))

    found = problems(load_from, **{**dict.fromkeys(names, value), "APP_NAME": f"{value}\n", "APP_ENV": "production"})

    assert len(found) >= 20, found
    assert "ev1l" not in "\n".join(found)


def test_a_wrong_value_is_told_once_and_hides_no_other_problem(load_from: Load) -> None:
    found = problems(load_from, APP_ENV="production", PUBLIC_URL="auth.example.com", PORT="many", SECRET_KEY="short")

    assert [problem.partition(" ")[0] for problem in found] == [
        "PORT",
        "PUBLIC_URL",
        "SECRET_KEY",
        "JWT_SECRET",
        "SMTP_HOST",
        "SUPPORT_EMAIL",
    ]


def test_development_makes_its_secrets_once_for_a_database_and_its_owner_alone(load_from: Load, tmp_path: Path) -> None:
    first, second = load_from(), load_from()

    assert first.secret_key == second.secret_key
    assert first.jwt_secret == second.jwt_secret != first.secret_key
    assert len(first.secret_key.get_secret_value()) >= 32
    assert (tmp_path / "chirp.db.secret-key").stat().st_mode & 0o077 == 0


def test_only_who_may_makes_the_folder_of_a_database(load_from: Load, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    url = f"sqlite:///{folder}/chirp.db"

    with pytest.raises(ConfigurationError, match="change DATABASE_URL"):
        load_from(DATABASE_URL=url)
    assert not folder.parent.exists()

    assert load(_env_file=None, may_make_folders=True, database_url=url).secret_key
    assert folder.is_dir()


def test_secrets_stay_out_of_what_is_printed(load_from: Load) -> None:
    settings = load_from(
        **{**GOOD_PRODUCTION, "SMTP_USER": "chirp", "SMTP_PASS": "smtp secret", "SECRET_KEY_FALLBACKS": FORMER_KEY}
    )

    assert not [secret for secret in (KEY, OTHER_KEY, FORMER_KEY, "smtp secret") if secret in repr(settings)]


def test_other_origins_are_read_as_browsers_write_them(load_from: Load) -> None:
    origins = "HTTPS://Shop.Example.com:443/, http://localhost:3000, https://auth.example.com, http://[::1]:80"

    settings = load_from(
        PUBLIC_URL="https://auth.example.com", FRONTEND_URL="https://app.example.com/x", CORS_ORIGINS=origins
    )

    assert settings.permitted_origins == {
        "https://app.example.com",
        "https://shop.example.com",
        "http://localhost:3000",
        "http://[::1]",
    }
    assert load_from(PUBLIC_URL="https://auth.example.com", FRONTEND_URL="", CORS_ORIGINS="").permitted_origins == set()


@pytest.mark.parametrize(
    "origins",
    [
        "*",
        "null",
        "shop.example.com",
        "https://shop.example.com/app",
        "https://*.example.com",
        "https://a:99999",
        "http://[::x]",
        "ftp://a",
    ],
)
def test_what_is_no_origin_is_refused(load_from: Load, origins: str) -> None:
    (problem,) = problems(load_from, CORS_ORIGINS=f"https://good.example.com,{origins}")

    assert problem.startswith("CORS_ORIGINS must be origins such as https://shop.example.com")


def test_production_permits_no_origin_in_the_clear_but_this_machines(load_from: Load) -> None:
    load_from(**GOOD_PRODUCTION, CORS_ORIGINS="https://shop.example.com,http://localhost:3000,http://127.0.0.1:3000")

    (problem,) = problems(load_from, **GOOD_PRODUCTION, CORS_ORIGINS="http://shop.example.com")
    assert problem == "CORS_ORIGINS must begin with https:// in production, unless they are this machine's."


def test_a_port_that_is_none_is_told(load_from: Load) -> None:
    (problem,) = problems(load_from, FRONTEND_URL="https://app.example.com:99999")

    assert problem.startswith("FRONTEND_URL ")
