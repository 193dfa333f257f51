"""Chirp Auth: accounts and password recovery. `create_app` is the one file that knows every part."""

import gc

# What is made while modules load lives for ever: to look for garbage in it takes a sixth of a process's start.
gc.disable()

import os
from datetime import timedelta
from types import ModuleType
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.pool import QueuePool
from werkzeug.middleware.proxy_fix import ProxyFix

import config
from chirp_auth import web
from chirp_auth.accounts import sessions
from chirp_auth.api import app_links, dialects, documentation, openapi, passkey_links
from chirp_auth.errors import AuthError
from chirp_auth.extensions import babel, csrf, db, limiter, login_manager, mail
from chirp_auth.formatting import in_words, iso, when
from chirp_auth.http import (
    body_buffer,
    cors,
    error_handlers,
    form_parser,
    language,
    rate_limit_headers,
    refused_requests,
    routing,
    security_headers,
)
from chirp_auth.http.forwarded_headers import WithoutQuotes
from chirp_auth.http.places import Places
from chirp_auth.languages import DEFAULT
from chirp_auth.mail import outbox
from chirp_auth.mail.plain_text import wrapped
from chirp_auth.runtime import health, logs, metrics_endpoint, sqlite
from chirp_auth.security.devices import translated_device
from chirp_auth.security.hash_queue import FIRST_ESTIMATE, HashQueue
from chirp_auth.security.rate_limit_storage import RateLimitStorage
from config import INSTANCE

POOL_WAIT_SECONDS = 5


def create_app(settings: config.Settings | None = None, *, with_commands: bool = True) -> routing.Application:
    """Build the application. Starts nothing: the worker process is the server's.

    What only serves or delivers does without the commands of `flask …`, which take a second to load.

    Raises:
        ConfigurationError: the settings cannot be used; it lists every problem.
    """
    settings = settings or config.load()
    app = routing.Application(
        __name__,
        template_folder="../templates",
        static_folder="../static",
        instance_path=str(INSTANCE),
    )
    app.extensions["settings"] = settings
    app.config.from_mapping(_flask_config(settings))
    places = Places(settings.web_threads)
    app.extensions["hash_queue"] = _hash_queue(settings, places)
    app.extensions["outbox_group_commit"] = outbox.group_commit()
    body_buffer.init_app(app, places)
    if hops := settings.trusted_proxy_hops:
        # mypy: Flask's documented place for it
        forwarded: Any = WithoutQuotes(ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops))
        app.wsgi_app = forwarded  # type: ignore[method-assign]
    _bind_extensions(app)
    with app.app_context():
        _database(settings).prepare(db.engine)
    logs.init_app(app)
    security_headers.init_app(app)
    rate_limit_headers.init_app(app)
    language.init_app(app)
    refused_requests.init_app(app)
    cors.init_app(app, (dialect.prefix for dialect in dialects.ALL if dialect.prefix))
    error_handlers.init_app(app, _answer_refusal)
    metrics_endpoint.init_app(app)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # members stand as the contracts print them
    app.jinja_env.policies["ext.i18n.trimmed"] = True  # as in babel.cfg: where a line breaks is no part of a text
    app.jinja_env.filters.update(when=when, iso=iso, in_words=in_words)
    app.jinja_env.filters.update(device=translated_device, wrapped=wrapped)
    app.register_blueprint(_auth())
    app.register_blueprint(health.health)
    app.register_blueprint(app_links.app_links)
    app.register_blueprint(passkey_links.passkey_links)
    app.register_blueprint(documentation.documentation)
    app.extensions["openapi"] = openapi.document
    if with_commands:
        _add_commands(app)
    return app


def _add_commands(app: routing.Application) -> None:
    """Add `flask auth` and `flask db`."""
    from chirp_auth import cli  # noqa: PLC0415 - as `create_app` says
    from chirp_auth.runtime import migrations  # noqa: PLC0415

    migrations.init_app(app)
    app.cli.add_command(cli.auth)


def _answer_refusal(error: AuthError) -> Response:
    """Return the refusal in the dialect of the request's path, or as a page."""
    dialect = dialects.of(request)
    return dialect.refuse(error) if dialect else web.error_page(error)


def _hash_queue(settings: config.Settings, places: Places) -> HashQueue:
    """Return the queue of this process: the cores are shared by all processes, and each step of the cost doubles it."""
    slots = max(1, (os.cpu_count() or 1) // settings.web_workers)
    estimate = FIRST_ESTIMATE * 2.0 ** (settings.bcrypt_cost - 12)
    return HashQueue(slots, settings.hash_wait, estimate, places.current)


def _auth() -> Blueprint:
    """Return the auth blueprint: the pages, and every published contract."""
    auth = Blueprint("auth", __name__)
    auth.register_blueprint(web.blueprint)
    auth.register_blueprint(web.dev_mailbox)
    auth.register_blueprint(web.gallery)
    for dialect in dialects.ALL:
        auth.register_blueprint(dialect.blueprint())
    return auth


def _bind_extensions(app: routing.Application) -> None:
    db.init_app(app)
    login_manager.init_app(app, add_context_processor=False)  # It would ask the database for every page.
    csrf.init_app(app)
    mail.init_app(app)
    babel.init_app(app, default_locale=DEFAULT, locale_selector=language.of_request)
    app.extensions["limiter"] = {limiter}  # So that it puts no hooks of its own around each request: they find nothing.
    limiter.init_app(app)


def _flask_config(settings: config.Settings) -> dict[str, Any]:
    production = settings.in_production
    return {
        "SECRET_KEY": settings.secret_keys[-1],
        "SECRET_KEY_FALLBACKS": settings.secret_keys[:-1],
        "SESSION_COOKIE_NAME": "__Host-session" if production else "session",
        "SESSION_COOKIE_SECURE": production,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": sessions.MAX_AGE,
        "SEND_FILE_MAX_AGE_DEFAULT": timedelta(hours=1),
        "MAX_CONTENT_LENGTH": body_buffer.MAX_BYTES,
        "MAX_FORM_MEMORY_SIZE": body_buffer.MAX_BYTES,
        "MAX_FORM_PARTS": form_parser.MAX_FIELDS,
        "WTF_CSRF_SECRET_KEY": settings.secret_keys,  # All of them verify, so that open pages outlive a new key.
        "WTF_CSRF_CHECK_DEFAULT": False,  # The pages check it themselves; the JSON face reads no cookie.
        "WTF_CSRF_TIME_LIMIT": None,  # A page may stay open for as long as its session.
        "WTF_CSRF_SSL_STRICT": False,  # It wants a Referer, which pages reached by a token never send.
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": _engine_options(settings),
        "RATELIMIT_STORAGE_URI": f"{RateLimitStorage.STORAGE_SCHEME[0]}://",
        "RATELIMIT_STORAGE_OPTIONS": {"redis_url": settings.redis_url or ""},
        "RATELIMIT_STRATEGY": "fixed-window",
        "MAIL_SERVER": settings.smtp_host or "",
        "MAIL_PORT": settings.smtp_port,
        "MAIL_USERNAME": settings.smtp_user,
        "MAIL_PASSWORD": settings.smtp_pass.get_secret_value() if settings.smtp_pass else None,
        "MAIL_SUPPRESS_SEND": False,
    }


def _engine_options(settings: config.Settings) -> dict[str, Any]:
    # One connection for each server thread, one for the health check, one to spare.
    pool = {
        "poolclass": QueuePool,
        "pool_size": settings.database_pool_size or settings.web_threads + 2,
        "max_overflow": 0,
        "pool_timeout": POOL_WAIT_SECONDS,
        "hide_parameters": True,  # An error's text goes to the logs, and parameters hold addresses and hashes.
    }
    return {**pool, "connect_args": _database(settings).CONNECT_ARGS}


def _database(settings: config.Settings) -> ModuleType:
    """Return what is particular to the kind of database."""
    if settings.on_sqlite:
        return sqlite
    from chirp_auth.runtime import postgresql  # noqa: PLC0415 - a start on SQLite has no use for psycopg

    return postgresql


gc.freeze()  # Later collections pass over it, too.
gc.enable()
