"""The schema of the database against what this release needs: older, the same, or newer and still usable.

Releases expand the schema first and contract it a release later, so that hosts of two releases can share a database
while one after the other is upgraded or taken back. Whether that holds is looked at, not believed.
"""

from functools import cache

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import Connection, MetaData, inspect


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the last migration that the database has seen; None if there was none."""
    return MigrationContext.configure(connection).get_current_revision()


def is_newer(revision: str | None) -> bool:
    """Say whether a later release than this one migrated the database. Revisions are numbers of four digits."""
    return revision is not None and revision > newest_revision()


def newest_revision() -> str:
    """Return the revision that this release migrates to."""
    return _head(current_app.extensions["migrate"].directory)


def misfit(connection: Connection, needed: MetaData) -> str | None:
    """Return what keeps a release with these tables from working with the database; None if it can.

    It reads and writes the columns that it knows. They must be there, and others must need no value.
    """
    found = {table: columns for (_, table), columns in inspect(connection).get_multi_columns().items()}
    for table in needed.sorted_tables:
        columns = {column["name"]: column for column in found.get(table.name, ())}
        if missing := [column.name for column in table.columns if column.name not in columns]:
            return f"has no {table.name}.{missing[0]}"
        for name, column in columns.items():
            if name not in table.columns and not column["nullable"] and column["default"] is None:
                return f"wants a value for {table.name}.{name}"
    return None


@cache
def _head(directory: str) -> str:
    return ScriptDirectory(directory).get_current_head() or ""
