"""The schema of the database against what this release needs: older, the same, or newer and still usable.

Releases expand the schema first and contract it a release later, so that hosts of two releases can share a database
while one after the other is upgraded or taken back. Whether that holds is looked at, not believed. Each process looks,
and few migrate: so this reads what Alembic keeps without loading it.
"""

from functools import cache

from sqlalchemy import Connection, MetaData, column, inspect, select, table

from config import ROOT

MIGRATIONS = ROOT / "migrations"
_KEPT = table("alembic_version", column("version_num"))


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the last migration that the database has seen; None if there was none."""
    if not inspect(connection).has_table(_KEPT.name):
        return None
    revision: str | None = connection.scalar(select(_KEPT.c.version_num))
    return revision


def is_newer(revision: str | None) -> bool:
    """Say whether a later release than this one migrated the database. Revisions are numbers of four digits."""
    return revision is not None and revision > newest_revision()


@cache
def newest_revision() -> str:
    """Return the revision that this release migrates to: each begins the name of its file."""
    return max(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def misfit(connection: Connection, needed: MetaData) -> str | None:
    """Return what keeps a release with these tables from working with the database; None if it can.

    It reads and writes the columns that it knows. They must be there, and others must need no value.
    """
    found = {table: columns for (_, table), columns in inspect(connection).get_multi_columns().items()}
    for wanted in needed.sorted_tables:
        columns = {each["name"]: each for each in found.get(wanted.name, ())}
        if missing := [each.name for each in wanted.columns if each.name not in columns]:
            return f"has no {wanted.name}.{missing[0]}"
        for name, extra in columns.items():
            if name not in wanted.columns and not extra["nullable"] and extra["default"] is None:
                return f"wants a value for {wanted.name}.{name}"
    return None
