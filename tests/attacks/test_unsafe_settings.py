"""Attacks on settings that were made in a hurry: production refuses keys, lives and roads that would not hold."""

import base64
import secrets
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from config import ConfigurationError, Settings, load
from config_checks import warnings_of
from config_keys import are_alike, weakness
from tests.attacks.settings import PRODUCTION

KEY, OTHER, THIRD = (secrets.token_hex(32) for _ in range(3))
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&()*+-./:;<=>?@[]^_{|}~"
MAKERS: dict[str, Callable[[], str]] = {
    "openssl rand -hex 16": lambda: secrets.token_hex(16),
    "openssl rand -hex 32": lambda: secrets.token_hex(32),
    "openssl rand -base64 32": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "token_urlsafe(24)": lambda: secrets.token_urlsafe(24),
    "token_urlsafe(32)": lambda: secrets.token_urlsafe(32),
    "keys rotate": lambda: secrets.token_urlsafe(48),
    "uuidgen": lambda: str(uuid.uuid4()),
    "a password generator's": lambda: "".join(secrets.choice(LETTERS) for _ in range(32)),
    "small letters": lambda: "".join(secrets.choice(LETTERS[:26]) for _ in range(32)),
}

MADE_FROM: dict[str, Callable[[str], str]] = {
    "the same": lambda key: key,
    "a letter more": lambda key: key + "x",
    "a letter before": lambda key: "x" + key,
    "a letter less": lambda key: key[:-1],
    "capitals": lambda key: key.upper(),
    "backwards": lambda key: key[::-1],
    "a part with a word": lambda key: key[:40] + "jwt",
    "words around it": lambda key: f"jwt-{key}-2026",
    "its end and digits": lambda key: key[32:] + "0123456789",
}


def settings(**changed: Any) -> Settings:
    given = {name.lower(): value for name, value in PRODUCTION.items()}
    return load(**{"_env_file": None, **given, **changed})


def starts(**changed: Any) -> bool:
    return settings(**changed).in_production


def refusals(**changed: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        settings(**changed)
    return refused.value.problems


def refusal(**changed: Any) -> str:
    (problem,) = refusals(**changed)
    return problem


@pytest.mark.parametrize(
    "guessable",
    [
        "0123456789abcdef0123456789abcdef",
        "your-secret-key-goes-here-please-123",
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "qwertyuiopasdfghjklzxcvbnm1234567890",
        "deadbeefdeadbeefdeadbeefdeadbeef",
        "00112233445566778899aabbccddeeff",
        "django-insecure-abcdefghijklmnopqrstuvwxyz",
        "this-is-a-very-long-secret-key-for-production-use",
        "development-secret-key-do-not-use-in-prod",
        "MySuperSecretKey2026!MySuperSecretKey2026!",
        "s3cr3t-k3y-f0r-pr0duct10n-d0-n0t-sh4r3",
        "ThisTokenIsNotSoSecretChangeItPlease!!",
        "change_me_change_me_change_me_change_me",
        "12345678901234567890123456789012",
        "xK7q9xK7q9xK7q9xK7q9xK7q9xK7q9xK7q9",
    ],
)
@pytest.mark.parametrize("name", ["secret_key", "jwt_secret", "metrics_token"])
def test_a_key_that_can_be_guessed_is_refused(name: str, guessable: str) -> None:
    assert refusal(**{name: guessable}).startswith(f"{name.upper()} is easy to guess")


@pytest.mark.parametrize("maker", MAKERS)
def test_no_honest_key_is_refused(maker: str) -> None:
    assert [key for key in (MAKERS[maker]() for _ in range(300)) if weakness(key)] == []


def test_no_honest_keys_are_alike() -> None:
    keys = [make() for make in MAKERS.values() for _ in range(12)]

    assert not [one for at, one in enumerate(keys) for other in keys[at + 1 :] if are_alike(one, other)]
    prefix = "chirp-auth-production-"
    assert not are_alike(prefix + secrets.token_hex(16), prefix + secrets.token_hex(16))


@pytest.mark.parametrize("how", MADE_FROM)
def test_a_key_made_from_another_is_refused(how: str) -> None:
    like = MADE_FROM[how](KEY)

    assert "JWT_SECRET must differ from SECRET_KEY: let each be random by itself." in refusals(
        secret_key=KEY, jwt_secret=like
    )
    assert "METRICS_TOKEN must differ from SECRET_KEY: let each be random by itself." in refusals(
        secret_key=KEY, metrics_token=like
    )


def test_keys_crossed_with_the_fallbacks_of_the_other_are_refused() -> None:
    for fallback in (OTHER, OTHER + "x"):
        given = {"secret_key": KEY, "jwt_secret": OTHER}
        assert "SECRET_KEY_FALLBACKS" in refusal(**given, secret_key_fallbacks=[THIRD, fallback])
        crossed = refusal(secret_key=OTHER, jwt_secret=KEY, jwt_secret_fallbacks=[fallback])
        assert crossed == "JWT_SECRET_FALLBACKS must differ from SECRET_KEY: let each be random by itself."
    both = refusal(secret_key_fallbacks=[KEY], jwt_secret_fallbacks=[THIRD, KEY])
    assert both == "JWT_SECRET_FALLBACKS must differ from SECRET_KEY_FALLBACKS: let each be random by itself."


def test_a_new_key_is_more_than_the_former_one_with_a_letter() -> None:
    assert "SECRET_KEY_FALLBACKS must differ from SECRET_KEY" in refusal(
        secret_key=KEY + "x", secret_key_fallbacks=[KEY]
    )
    assert starts(secret_key=KEY, secret_key_fallbacks=[THIRD, KEY]), "as keys rotate leaves it half-way"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("password_reset_token_expires_in", "365d", "PASSWORD_RESET_TOKEN_EXPIRES_IN must be 24h or less"),
        ("password_reset_token_expires_in", "86401", "PASSWORD_RESET_TOKEN_EXPIRES_IN must be 24h or less"),
        ("jwt_expires_in", "25h", "JWT_EXPIRES_IN must be 24h or less"),
        ("password_min_guesses", 0, "PASSWORD_MIN_GUESSES must be 1000 or more"),
        ("support_email", "no-reply@example.com", "SUPPORT_EMAIL must not be a no-reply address"),
        ("support_email", "Chirp <noreply+chirp@example.com>", "SUPPORT_EMAIL must not be a no-reply address"),
        ("support_email", "DoNotReply@example.com", "SUPPORT_EMAIL must not be a no-reply address"),
        ("support_email", "accounts.do-not-reply@example.com", "SUPPORT_EMAIL must not be a no-reply address"),
        ("support_email", "", "SUPPORT_EMAIL is missing"),
        ("smtp_host", "mail.example.com", "SMTP_SECURITY=none is allowed towards this machine only"),
    ],
)
def test_what_is_too_long_too_little_or_answered_by_nobody_is_refused(name: str, value: Any, told: str) -> None:
    given = {"smtp_security": "none", name: value}
    if value == "":
        given = {"smtp_security": "none"}
        without: dict[str, Any] = {key.lower(): text for key, text in PRODUCTION.items() if key.lower() != name}
        with pytest.raises(ConfigurationError) as refused:
            load(_env_file=None, **{**without, **given})
        assert refused.value.problems[0].startswith(told)
        return
    assert refusal(**given).startswith(told)


@pytest.mark.parametrize("address", ["bruno.reply@example.com", "Help <support@example.com>", "reply@example.com"])
def test_an_address_that_people_read_is_taken(address: str) -> None:
    assert starts(support_email=address, password_reset_token_expires_in="24h", jwt_expires_in="1d")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://chirp:pw@db.example.com/chirp",
        "postgres://chirp:pw@203.0.113.5:5432/chirp?sslmode=prefer",
        "postgresql://chirp:pw@postgres/chirp?sslmode=disable",
        "postgresql://chirp:pw@127.0.0.1/chirp?hostaddr=203.0.113.5",
        "postgresql://chirp:pw@/chirp?host=127.0.0.1&host=203.0.113.5",
        "postgresql://chirp:pw@/chirp?service=elsewhere",
        "postgresql://chirp:pw@localhost.example.com/chirp?sslmode=allow",
    ],
)
def test_a_remote_database_without_tls_is_refused(url: str) -> None:
    assert refusal(database_url=url).startswith("DATABASE_URL names another machine without TLS")
    assert starts(database_url=url, insecure_network=True)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://chirp:pw@127.0.0.1:5432/chirp",
        "postgresql://chirp:pw@localhost/chirp",
        "postgresql://chirp:pw@[::1]/chirp",
        "postgresql:///chirp?host=/run/postgresql",
        "postgresql:///chirp",
        "postgresql://chirp:pw@db.example.com/chirp?sslmode=require",
        "postgresql://chirp:pw@db.example.com/chirp?sslmode=verify-full",
        "postgresql://chirp:pw@db.example.com/chirp?sslrootcert=system",
    ],
)
def test_a_database_here_or_over_tls_is_taken(url: str) -> None:
    assert starts(database_url=url)


def test_what_the_environment_says_to_libpq_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db.example.com")
    assert refusal(database_url="postgresql:///chirp").startswith("DATABASE_URL names another machine without TLS")

    monkeypatch.setenv("PGSSLMODE", "verify-full")
    assert starts(database_url="postgresql:///chirp")


@pytest.mark.parametrize("url", ["redis://cache.example.com:6379/0", "redis://:pw@10.0.0.7/0", "redis:///0?host=cache"])
def test_a_remote_redis_without_tls_is_refused(url: str) -> None:
    assert refusal(redis_url=url).startswith("REDIS_URL names another machine without TLS")
    assert starts(redis_url=url, insecure_network=True)


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:6379/0", "redis://localhost/0", "redis:///0", "rediss://cache/0", "unix:///run/redis"]
)
def test_a_redis_here_or_over_tls_is_taken(url: str) -> None:
    assert starts(redis_url=url)


def test_production_is_warned_of_what_it_may_but_should_not() -> None:
    assert list(warnings_of(settings())) == []
    told = warnings_of(settings(insecure_network=True, redis_url="redis://cache/0"))
    assert list(told) == ["INSECURE_NETWORK=true sends what REDIS_URL names through the network in the clear."]


def test_development_may_do_as_it_likes() -> None:
    loose = load(_env_file=None, secret_key="k", jwt_secret="k", jwt_expires_in="7d", password_min_guesses=0)

    assert loose.support_email == "support@127.0.0.1"


def test_the_sender_is_who_signs_in_to_the_mail_server() -> None:
    def sender(**given: Any) -> str:
        return settings(smtp_pass="pw", smtp_security="starttls", **given).mail_from

    assert sender(smtp_user="accounts@example.com") == "Chirpworks <accounts@example.com>"
    assert sender(smtp_user="apikey") == "Chirpworks <no-reply@auth.example.com>"
    assert sender(smtp_user="accounts@example.com", mail_from="a@b.example") == "a@b.example"
    assert sender(smtp_user="apikey", app_name="Chirp, Inc.") == '"Chirp, Inc." <no-reply@auth.example.com>'
