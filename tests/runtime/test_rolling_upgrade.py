"""Hosts of two releases on one database: while one after the other is upgraded, and when they are taken back.

What stands for the release before is its schema: its columns are read and written on today's. What it means by them is
not tested here.
"""

import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import flask_migrate
import pytest
from alembic.script import ScriptDirectory
from flask.testing import FlaskClient
from sqlalchemy import JSON, Column, MetaData, create_engine, insert, select, text, types, update

from chirp_auth import create_app
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.runtime import schema
from config import Settings
from tests.runtime.test_migrations import empty_url
from tests.support.child import Child
from tests.support.postgres import PostgresServer
from tests.support.server import ROOT, application, environment_for

__all__ = ["empty_url"]

LATER = "9999"
OLDEST_EXPANDED = "0007"  # From the step after this one on, each must leave the release before it working.
READ_SECONDS = 3.0
NOTICEABLE_SECONDS = 1.5  # Half as long as the reader, and five times the lock's time-out.


def migrated_by_a_later_release(*changes: str) -> None:
    """Make the database that of a later release, which changed the schema so."""
    for change in ("UPDATE alembic_version SET version_num = '9999'", *changes):
        db.session.execute(text(change))
    db.session.commit()
    db.session.remove()


def test_a_newer_database_that_only_grew_is_ready(client: FlaskClient) -> None:
    migrated_by_a_later_release(
        "CREATE TABLE later (id INTEGER PRIMARY KEY)",
        "ALTER TABLE users ADD COLUMN later TEXT",
        "ALTER TABLE outbox ADD COLUMN later INTEGER NOT NULL DEFAULT 0",
    )

    assert client.get("/healthz/ready").status_code == 200
    assert client.post("/api/v1/auth/forgot-password", json={"email": "a@example.com"}).status_code == 200


@pytest.mark.parametrize(
    ("change", "misfit"),
    [
        ("ALTER TABLE users RENAME COLUMN first_name TO given_name", "has no users.first_name"),
        ("ALTER TABLE duties RENAME TO job_locks", "has no duties.name"),
        ("{later} NOT NULL", "wants a value for audit_anchors.later"),
    ],
)
def test_a_newer_database_that_lacks_something_is_not_ready(client: FlaskClient, change: str, misfit: str) -> None:
    on_sqlite = db.engine.dialect.name == "sqlite"
    if "{later}" in change and on_sqlite:  # It adds no such column, but makes a table anew.
        changes = ["DROP TABLE audit_anchors", CREATE_ANCHORS]
    else:
        changes = [change.replace("{later}", "ALTER TABLE audit_anchors ADD COLUMN later INTEGER")]
    migrated_by_a_later_release(*changes)

    answer = client.get("/healthz/ready")

    assert answer.status_code == 503
    sentence = f"The database is newer than this release and {misfit}: run the release that migrated it."
    assert answer.json == {"status": "unavailable", "reason": sentence}


CREATE_ANCHORS = """
    CREATE TABLE audit_anchors (number INTEGER PRIMARY KEY, digest VARCHAR(64), total BIGINT, mac VARCHAR(64),
    later INTEGER NOT NULL)
"""


def steps() -> list[tuple[str, str]]:
    """Return each revision with the one after it, from where the rule holds."""
    scripts = ScriptDirectory(str(ROOT / "migrations")).walk_revisions()
    found = sorted((str(script.down_revision), script.revision) for script in scripts if script.down_revision)
    return [step for step in found if step[0] >= OLDEST_EXPANDED]


@pytest.fixture
def empty(empty_url: str, settings: Settings) -> Iterator[Application]:
    app = create_app(settings.model_copy(update={"database_url": empty_url}))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def some(column: Column[object]) -> object:
    """Return a value that fits the column."""
    kind = column.type
    if isinstance(kind, types.DateTime):
        return datetime.now(UTC)
    if isinstance(kind, JSON):
        return {}
    if isinstance(kind, types.Boolean):
        return False
    if isinstance(kind, types.Uuid):
        return uuid4()
    return 1 if isinstance(kind, types.Integer) else "1"


def use(tables: MetaData) -> None:
    """Insert a row by these columns into each table, read it by all of them, and change it."""
    keys: dict[str, object] = {}
    for table in tables.sorted_tables:
        if table.name == "alembic_version":
            continue
        row = {column.name: some(column) for column in table.columns}
        for column in table.columns:
            for reference in column.foreign_keys:
                row[column.name] = keys[reference.column.table.name]
        with db.engine.begin() as connection:
            connection.execute(insert(table).values(row))
            assert connection.execute(select(table)).first()
            connection.execute(update(table).values({name: row[name] for name in row if name not in table.primary_key}))
        keys[table.name] = row[next(iter(table.primary_key.columns)).name]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("before", "after"), steps())
def test_the_release_before_works_on_the_schema_after_each_step(empty: Application, before: str, after: str) -> None:
    flask_migrate.upgrade(revision=before)
    tables = MetaData()
    tables.reflect(db.engine)
    flask_migrate.upgrade(revision=after)
    db.engine.dispose()

    with db.engine.connect() as connection:
        assert schema.misfit(connection, tables) is None
    use(tables)


def test_readers_go_on_while_a_migration_waits_for_one_of_them(
    postgres_server: PostgresServer, settings: Settings
) -> None:
    if settings.on_sqlite:
        pytest.skip("on SQLite readers never wait")
    with postgres_server.database() as url:
        app = create_app(settings.model_copy(update={"database_url": url}))
        with app.app_context():
            flask_migrate.upgrade(revision=OLDEST_EXPANDED)
            longest: list[float] = []
            over = threading.Event()
            threads = [
                threading.Thread(target=read_for_long, args=(url,)),
                threading.Thread(target=read_again_and_again, args=(url, over, longest)),
            ]
            for thread in threads:
                thread.start()
            time.sleep(0.3)
            started = time.monotonic()
            flask_migrate.upgrade()
            waited = time.monotonic() - started
            over.set()
            for thread in threads:
                thread.join()
            with db.engine.connect() as connection:
                assert not schema.is_newer(schema.revision_of(connection))
                assert schema.misfit(connection, db.metadata) is None
                invalid = connection.scalar(text("SELECT count(*) FROM pg_index WHERE NOT indisvalid"))
            db.engine.dispose()
    assert waited > READ_SECONDS / 2, "the migration was to meet the reader"
    assert (longest[0] < NOTICEABLE_SECONDS, invalid) == (True, 0)


def read_for_long(url: str) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        for table in ("users", "outbox", "security_events"):
            connection.execute(text(f"SELECT count(*) FROM {table}"))
        time.sleep(READ_SECONDS)
    engine.dispose()


def read_again_and_again(url: str, over: threading.Event, longest: list[float]) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    worst = 0.0
    with engine.connect() as connection:
        while not over.wait(0.01):
            started = time.monotonic()
            for table in ("users", "outbox", "security_events"):
                connection.execute(text(f"SELECT count(*) FROM {table}"))
            worst = max(worst, time.monotonic() - started)
    engine.dispose()
    longest.append(worst)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_server_that_may_not_migrate_says_so_or_serves_a_newer_database(app: Application, tmp_path: Path) -> None:
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    never = {"DATABASE_URL": url, "MIGRATE": "never", "BCRYPT_COST": "4"}
    head = schema.newest_revision()
    db.session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    db.session.commit()
    server = [sys.executable, "-m", "chirp_auth.server"]
    refused = Child(server, log=tmp_path / "old.log", environment=environment_for(never, tmp_path), folder=tmp_path)
    assert refused.wait(60) == 1
    assert "The database is not migrated: run flask --app wsgi db upgrade." in refused.output
    assert "MIGRATE=never" in refused.output

    migrated_by_a_later_release("ALTER TABLE users ADD COLUMN later TEXT")
    db.engine.dispose()
    with application({**never, "MIGRATE": "auto"}, tmp_path, seconds=60) as running:
        assert "database newer than this release" in running.output
    with db.engine.connect() as connection:
        assert schema.revision_of(connection) == LATER > head
