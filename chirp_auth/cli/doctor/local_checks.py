"""The doctor's checks of what lies on this machine: settings, cookies, templates, files, the cost of a hash."""

import os
import time
from email.utils import parseaddr
from pathlib import Path
from shutil import disk_usage
from stat import S_IMODE
from tempfile import gettempdir
from urllib.parse import urlsplit

import bcrypt
from flask import current_app
from jinja2 import TemplateError
from sqlalchemy.exc import SQLAlchemyError

from chirp_auth.admin import demo_accounts
from chirp_auth.cli._common import setting_origins
from chirp_auth.cli.doctor.findings import Finding, fail, ok, warn
from chirp_auth.extensions import db, settings
from chirp_auth.security import breached_passwords
from config import FROM_FILES, ROOT
from config_checks import warnings_of

QUICK_MS, SLOW_MS = 50, 1000
SPARSE_BYTES, FULL_BYTES = 2**30, 50 * 2**20
OTHERS, OTHERS_WRITE = 0o077, 0o022


def check_settings() -> Finding:
    """The settings are valid, or no command would run; this reports the risky ones."""
    set_count = sum(origin != "default" for origin in setting_origins.origins().values())
    detail = f"{settings.app_env}, {set_count} settings made, the others by default"
    if warnings := list(warnings_of(settings)):
        return warn("settings", f"{detail}. {' '.join(warnings)}", "Take them out, unless you know why they are there.")
    if settings.in_production and not settings.conceal_accounts:
        return warn("settings", f"{detail}; registration tells who has an account", "Set CONCEAL_ACCOUNTS=true.")
    return ok("settings", detail)


def check_addresses() -> Finding:
    """The sender of mails, and the address where people get help."""
    transport = "" if settings.has_dev_mailbox else f", by SMTP_SECURITY={settings.smtp_security}"
    return ok("addresses", f"{_address('mail_from')}, {_address('support_email')}{transport}")


def _address(name: str) -> str:
    followed = "" if name in settings.model_fields_set else " (not set: follows from other settings)"
    return f"{name.upper()} {parseaddr(getattr(settings, name))[1]}{followed}"


def check_proxy() -> Finding:
    """Behind a proxy that is not configured, all clients would share one limit."""
    secure = urlsplit(settings.public_url).scheme == "https"
    if settings.in_production and secure and not settings.trusted_proxy_hops:
        return warn(
            "proxy",
            "PUBLIC_URL is https, which a proxy must provide, but TRUSTED_PROXY_HOPS is 0: all people share one limit",
            "Set TRUSTED_PROXY_HOPS=1 if one proxy sets X-Forwarded-For.",
        )
    return ok("proxy", f"trusted proxies: {settings.trusted_proxy_hops}; {settings.public_url}")


def check_demo_accounts() -> Finding:
    """Production has none of the accounts whose password development prints."""
    try:
        left = [user.email for user in demo_accounts.left_over()] if settings.in_production else []
        db.session.rollback()  # End the read.
    except SQLAlchemyError as error:
        db.session.rollback()
        return fail("demo accounts", f"cannot be looked for: {type(error).__name__}", "See the line on the database.")
    if left:
        fix = "Restart the server, which removes them, or: flask --app wsgi auth user delete ADDRESS"
        return fail("demo accounts", f"from development: {', '.join(left)}", fix)
    return ok("demo accounts", "none" if settings.in_production else "allowed in development")


def check_cookies() -> Finding:
    """The session cookie's flags, as Flask will set them."""
    config = current_app.config
    flags = [
        name
        for name, is_set in (
            ("HttpOnly", config["SESSION_COOKIE_HTTPONLY"]),
            ("SameSite", config["SESSION_COOKIE_SAMESITE"] in ("Lax", "Strict")),
            ("Secure", config["SESSION_COOKIE_SECURE"]),
            ("__Host-", str(config["SESSION_COOKIE_NAME"]).startswith("__Host-")),
        )
        if is_set
    ]
    needed = 4 if settings.in_production else 2
    if len(flags) < needed:
        return fail(
            "cookies", f"only {', '.join(flags) or 'no flag'}", "Set APP_ENV=production and an https PUBLIC_URL."
        )
    return ok("cookies", ", ".join(flags))


def check_templates() -> Finding:
    """Every template can be read and compiled."""
    environment = current_app.jinja_env
    names = environment.list_templates()
    try:
        for name in names:
            environment.get_template(name)
    except (TemplateError, OSError) as error:
        return fail("templates", f"{name}: {type(error).__name__}", "Restore the templates of this release.")
    return ok("templates", f"{len(names)} templates compile")


def check_files() -> Finding:
    """Nobody but the owner reads secrets or the database, and a database in a file can be written by us."""
    database = settings.database_file
    if database and not database.parent.is_dir():
        return fail("files", f"there is no folder {database.parent}", f"Run: mkdir -p {database.parent}")
    if database and not (os.access(database.parent, os.W_OK) and os.access(database, os.W_OK)):
        return fail("files", f"{database} cannot be written by this user", "Run this as the service's user.")
    if database and database.stat().st_uid != database.parent.stat().st_uid:
        owner = database.parent.stat().st_uid
        detail = f"{database} and its folder belong to different users: the service may not reach it"
        return warn("files", detail, f"Run: chown {owner} {database}*")
    rights = {path: S_IMODE(path.stat().st_mode) for path in _private_files()}
    if exposed := [path for path, mode in rights.items() if mode & OTHERS]:
        names = " ".join(map(str, exposed))
        if changeable := [path for path in exposed if rights[path] & OTHERS_WRITE]:
            return fail("files", f"others may change {changeable[0]}", f"Run: chmod 600 {names}")
        return warn("files", f"others may read {exposed[0]}", f"Run: chmod 600 {names}")
    return ok("files", "secrets and database are their owner's alone")


def check_disk() -> Finding:
    """There is room where this machine writes: its database, or what is written for a while."""
    folder = settings.database_file.parent if settings.database_file else Path(gettempdir())
    try:
        free = disk_usage(folder).free
    except OSError as error:
        return fail("disk", f"{folder} cannot be looked at: {error.strerror}", "See the line on files.")
    detail = f"{free / 2**30:.1f} GB free at {folder}"
    if free < FULL_BYTES:
        return fail("disk", detail, "Make room: soon nothing can be written.")
    if free < SPARSE_BYTES:
        return warn("disk", detail, "Make room, before nothing can be written.")
    return ok("disk", detail)


def check_breached_passwords() -> Finding:
    """The file of breached passwords, if there is one, is whole."""
    path = settings.breached_passwords
    if path is None:
        return ok("breached passwords", "BREACHED_PASSWORDS is off")
    try:
        corpus = breached_passwords.open_corpus(path)
    except (OSError, breached_passwords.NotACorpus):
        return fail("breached passwords", f"{path} is not whole", "Run: flask --app wsgi auth breached build")
    return ok("breached passwords", f"{corpus.size:,} in {path}")


def check_hash_cost() -> Finding:
    """How long one password hash takes here."""
    started = time.perf_counter()
    bcrypt.hashpw(b"doctor", bcrypt.gensalt(settings.bcrypt_cost))
    spent = round((time.perf_counter() - started) * 1000)
    detail = f"{spent} ms at BCRYPT_COST={settings.bcrypt_cost}"
    if spent > SLOW_MS:
        return warn("hash cost", detail, "Lower BCRYPT_COST: people wait for it, and so do those behind them.")
    if spent < QUICK_MS and settings.in_production:
        return warn("hash cost", detail, "Raise BCRYPT_COST until a hash takes about 250 ms.")
    return ok("hash cost", detail)


def _private_files() -> list[Path]:
    named = [setting_origins.file_of(name) for name in FROM_FILES]
    kept = [settings.beside_database(name) for name in ("secret-key", "jwt-secret", "audit-key", "demo-password")]
    database = settings.database_file
    stored = [Path(f"{database}{end}") for end in ("", "-wal", "-shm")] if database else []
    return [path for path in (*named, ROOT / ".env", *kept, *stored) if path and path.exists()]
