"""Health: whether the process lives, and whether it can do its work."""

import time
from uuid import uuid4

import structlog
from flask import Blueprint, Response, current_app, jsonify
from sqlalchemy import Connection, insert
from sqlalchemy.exc import SQLAlchemyError

from chirp_auth.clock import now
from chirp_auth.extensions import db, driver_reason
from chirp_auth.models import JobLock
from chirp_auth.runtime import schema, sqlite

WRITE_EVERY_SECONDS = 1.0  # A write that went well holds for so long, however often strangers ask.
WRITE_PATIENCE_SECONDS = 0.5

# With more text than the cache holds, pages go to the file before any commit: there a full disk shows.
_SQLITE_CHARACTERS = 40_000
_SQLITE_CACHE_PAGES, _SQLITE_CACHE_DEFAULT = 1, -2000
# A row finds room in pages that are there, on a full disk too; more than the working memory holds goes to a new file.
_POSTGRESQL_SPILL = ("SET LOCAL work_mem = '64kB'", "SELECT count(*) FROM generate_series(1, 5000)")

health = Blueprint("health", __name__, url_prefix="/healthz")
log = structlog.get_logger("health")


@health.get("/live")
def live() -> Response:
    return jsonify({"status": "ok"})


@health.get("/ready")
def ready() -> tuple[Response, int] | Response:
    if reason := flaw():
        return jsonify({"status": "unavailable", "reason": reason}), 503
    return jsonify({"status": "ok"})


def flaw() -> str | None:
    """Return why the database cannot be used, in a sentence; None if it can. The log has the driver's reason."""
    if reason := schema_flaw():
        return reason
    last = current_app.extensions.get("health_written_at")
    if last is not None and time.monotonic() < last + WRITE_EVERY_SECONDS:
        return None
    if error := write_error():
        log.error("database cannot be written", reason=driver_reason(error))
        return "The database cannot be written."
    current_app.extensions["health_written_at"] = time.monotonic()
    return None


def schema_flaw() -> str | None:
    """Return why the database cannot be read by this release, in a sentence; None if it can."""
    try:
        with db.engine.connect() as connection:
            current = schema.revision_of(connection)
            misfit = _misfit(connection, current) if schema.is_newer(current) else None
    except SQLAlchemyError as error:
        log.error("database cannot be reached", reason=driver_reason(error))
        return "The database cannot be reached."
    if current is None or current < schema.newest_revision():
        return "The database is not migrated: run flask --app wsgi db upgrade."
    if misfit:
        return f"The database is newer than this release and {misfit}: run the release that migrated it."
    return None


def write_error() -> SQLAlchemyError | None:
    """Try a write and take it back; return what came of it if it failed.

    It waits for no lock for long: whoever holds one is writing.
    """
    try:
        with db.engine.connect().execution_options(**{sqlite.PATIENCE: WRITE_PATIENCE_SECONDS}) as connection:
            _write(connection)
    except SQLAlchemyError as error:
        return None if "database is locked" in driver_reason(error) else error
    return None


def _write(connection: Connection) -> None:
    """Write a row that nobody else can have, so that no lock is in its way, and roll back."""
    name, begun_at = str(uuid4()), now()
    if connection.dialect.name != "sqlite":
        connection.execute(insert(JobLock).values(name=name, begun_at=begun_at))
        for statement in _POSTGRESQL_SPILL:
            connection.exec_driver_sql(statement)
        connection.rollback()
        return
    connection.exec_driver_sql(f"PRAGMA cache_size = {_SQLITE_CACHE_PAGES}")
    try:
        connection.execute(insert(JobLock).values(name=name.ljust(_SQLITE_CHARACTERS), begun_at=begun_at))
    finally:
        connection.rollback()
        connection.exec_driver_sql(f"PRAGMA cache_size = {_SQLITE_CACHE_DEFAULT}")


def _misfit(connection: Connection, revision: str | None) -> str | None:
    """Return what keeps this release from working with a newer database, looked up once for each revision."""
    known: dict[str | None, str | None] = current_app.extensions.setdefault("health_misfits", {})
    if revision not in known:
        known[revision] = schema.misfit(connection, db.metadata)
    return known[revision]
