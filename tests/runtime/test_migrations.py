"""Migrations: they agree with the models, go both ways, and survive company and sudden death."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text

from chirp_auth.accounts import users
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.models import User
from chirp_auth.runtime import schema
from tests.support.child import Child
from tests.support.postgres import PostgresServer
from tests.support.server import ROOT, environment_for

STALLS = """
import time
from pathlib import Path
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9999", {head!r}

def upgrade():
    op.create_table("half_done", sa.Column("id", sa.Integer(), primary_key=True))
    op.execute("DELETE FROM users")
    Path({started!r}).touch()
    time.sleep(60)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database() as url:
        yield url


def upgrading(url: str, folder: Path, name: str, directory: Path = ROOT / "migrations") -> Child:
    """Start a process that migrates the database."""
    upgrade = ["-m", "flask", "--app", "wsgi", "db", "upgrade", "--directory", str(directory)]
    environment = environment_for({"DATABASE_URL": url}, folder)
    return Child([sys.executable, *upgrade], log=folder / f"{name}.log", environment=environment, folder=folder)


def tables() -> set[str]:
    db.engine.dispose()
    return set(inspect(db.engine).get_table_names())


def revision() -> str | None:
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def is_in_every_database(_object: object, name: str | None, *_others: object) -> bool:
    return name != "ix_users_search"  # It needs pg_trgm.


def test_the_models_and_the_migrations_agree(app: Application) -> None:
    with db.engine.connect() as connection:
        compared = {"compare_type": True, "compare_server_default": True, "include_object": is_in_every_database}
        context = MigrationContext.configure(connection, opts=compared)
        assert compare_metadata(context, db.metadata) == []


def test_the_schema_is_read_as_alembic_reads_it(app: Application) -> None:
    scripts = ScriptDirectory(str(schema.MIGRATIONS))
    assert [schema.newest_revision()] == scripts.get_heads()
    with db.engine.connect() as connection:
        assert schema.revision_of(connection) == MigrationContext.configure(connection).get_current_revision()

    flask_migrate.downgrade(revision="base")
    with db.engine.connect() as connection:
        assert schema.revision_of(connection) is None
        connection.execute(text("DROP TABLE alembic_version"))
        assert schema.revision_of(connection) is None


def test_down_and_up_again(app: Application) -> None:
    before = tables()

    flask_migrate.downgrade(revision="base")
    assert tables() == {"alembic_version"}
    flask_migrate.upgrade()

    assert tables() == before
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": is_in_every_database})
        assert compare_metadata(context, db.metadata) == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_search_has_a_trigram_index_where_postgresql_can_have_one(app: Application) -> None:
    if not db.session.scalar(text("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm'")):
        pytest.skip("this PostgreSQL has no pg_trgm")
    db.session.execute(text("SET LOCAL enable_seqscan = off"))
    db.session.execute(text("SET LOCAL enable_indexscan = off"))
    found = select(User).where(users._matches("alice"))

    statement = found.compile(db.engine, compile_kwargs={"literal_binds": True})
    plan = db.session.scalars(text(f"EXPLAIN {statement}".replace(":", r"\:").replace("%%", "%"))).all()

    assert "ix_users_search" in "".join(plan)


def test_processes_that_migrate_at_once_all_succeed(empty_url: str, tmp_path: Path) -> None:
    processes = [upgrading(empty_url, tmp_path, f"upgrade-{number}") for number in range(3)]

    assert [process.wait(60) for process in processes] == [0, 0, 0], [process.output for process in processes]


def test_a_migration_that_is_killed_leaves_nothing_half_done(
    app: Application, database_url: str, tmp_path: Path
) -> None:
    head, before, started = revision(), tables(), tmp_path / "started"
    directory = Path(shutil.copytree(ROOT / "migrations", tmp_path / "migrations"))
    (directory / "versions" / "9999_stalls.py").write_text(STALLS.format(head=head, started=str(started)))
    process = upgrading(database_url, tmp_path, "upgrade", directory)
    process.wait_until(started.exists)
    process.kill()

    assert (revision(), tables()) == (head, before)
    flask_migrate.upgrade()


def test_a_database_that_is_away_is_said_in_a_sentence(tmp_path: Path) -> None:
    process = upgrading("postgresql://chirp:pass-word@127.0.0.1:1/chirp", tmp_path, "upgrade")

    assert process.wait(60) == 1
    assert "The database cannot be migrated" in process.output
    assert "Traceback" not in process.output
    assert "pass-word" not in process.output
