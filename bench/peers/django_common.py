# mypy: ignore-errors
"""What the two Django peers share: settings as `startproject` writes them, kept connections, and the accounts.

The files beside it run in a virtual environment of their own, which has nothing of ours.
"""

import os
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application


def database(url: str) -> dict[str, Any]:
    """Return Django's settings of the database at an SQLAlchemy URL; SQLite is made durable."""
    if url.startswith("sqlite:///"):
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": url.removeprefix("sqlite:///"),
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": parts.username,
        "PASSWORD": parts.password or "",
        "HOST": parts.hostname or dict(parse_qsl(parts.query))["host"],
        "PORT": parts.port or "",
    }


ACCOUNTS = int(os.environ["PEER_ACCOUNTS"])
SETTINGS: dict[str, Any] = {
    "SECRET_KEY": "of a benchmark, on this machine alone",
    "ALLOWED_HOSTS": ["127.0.0.1"],
    "DATABASES": {"default": {**database(os.environ["PEER_DATABASE_URL"]), "CONN_MAX_AGE": 600}},
    "EMAIL_HOST": "127.0.0.1",
    "EMAIL_PORT": int(os.environ["PEER_SMTP_PORT"]),
    "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
    "INSTALLED_APPS": [  # the admin has the pages, and messages and sessions that it needs
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
    ],
    "MIDDLEWARE": [
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    "USE_TZ": True,
}


def configure(urls: str, **changed: Any) -> Any:
    """Set Django up for the views in the module `urls`, and return the WSGI application."""
    settings.configure(**{**SETTINGS, "ROOT_URLCONF": urls, **changed})
    django.setup()
    return get_wsgi_application()


def create_accounts() -> list[Any]:
    """Make the tables and the accounts; they share one hash, which a reset never checks."""
    from django.contrib.auth.hashers import make_password  # noqa: PLC0415  # once Django is set up
    from django.contrib.auth.models import User  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    hashed = make_password("seven quiet herons")
    addresses = [f"user{number}@example.com" for number in range(ACCOUNTS)]
    return User.objects.bulk_create(User(username=email, email=email, password=hashed) for email in addresses)
