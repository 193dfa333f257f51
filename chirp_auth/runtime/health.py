"""Health: whether the process lives, and whether it can do its work."""

from functools import cache

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint, Response, current_app, jsonify
from sqlalchemy.exc import SQLAlchemyError

from chirp_auth.extensions import db

health = Blueprint("health", __name__, url_prefix="/healthz")


@health.get("/live")
def live() -> Response:
    return jsonify({"status": "ok"})


@health.get("/ready")
def ready() -> tuple[Response, int] | Response:
    if reason := flaw():
        return jsonify({"status": "unavailable", "reason": reason}), 503
    return jsonify({"status": "ok"})


def flaw() -> str | None:
    """Return why the database cannot be used, in a sentence; None if it can."""
    try:
        with db.engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError:
        return "The database cannot be reached."
    newest = _newest_revision(current_app.extensions["migrate"].directory)
    if current is None or current < newest:  # Migrations are numbered.
        return "The database is not migrated: run flask --app wsgi db upgrade."
    if current > newest:
        return "The database is newer than this release: run the release that it belongs to, or a later one."
    return None


@cache
def _newest_revision(directory: str) -> str:
    return ScriptDirectory(directory).get_current_head() or ""
