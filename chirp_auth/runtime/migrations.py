"""Migrates the database with Flask-Migrate. Who does not migrate has no use for Alembic, which takes long to load."""

import flask_migrate
from flask import Flask, current_app

from chirp_auth.extensions import db
from chirp_auth.runtime.schema import MIGRATIONS


def init_app(app: Flask) -> None:
    """Let the application be migrated, by `flask db` too."""
    flask_migrate.Migrate(app, db, directory=str(MIGRATIONS))


def upgrade() -> None:
    """Migrate the database of the current application to what this release needs."""
    init_app(current_app)
    flask_migrate.upgrade()
