"""A database that can be read but not written: a read-only copy after a failover, a full disk."""

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from flask.testing import FlaskCliRunner
from sqlalchemy import event, make_url, text
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.models import User
from config import Settings
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD
from tests.support.visitor import post_form

MORE_THAN_FREE = 2 * 2**20

Unwritable = Callable[[Application], AbstractContextManager[str]]


@contextmanager
def read_only_file(app: Application) -> Iterator[str]:
    """SQLite refuses every write of a connection that only asks."""

    def only_ask(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    db.engine.dispose()
    event.listen(db.engine, "connect", only_ask)
    yield "attempt to write a readonly database"
    event.remove(db.engine, "connect", only_ask)
    db.engine.dispose()


@contextmanager
def full_disk(app: Application) -> Iterator[str]:
    """No file of this process may grow beyond what the log of the database has reached."""
    database = app.extensions["settings"].database_file
    with closing(sqlite3.connect(database)) as reader, closing(sqlite3.connect(database)) as writer:
        reader.execute("PRAGMA journal_mode = WAL")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM users").fetchall()  # The log cannot begin anew while it is read.
        row = ("audit.test", "test", "ok", "x" * MORE_THAN_FREE, "2026-01-01")
        writer.execute("INSERT INTO security_events (kind, face, outcome, actor, at) VALUES (?, ?, ?, ?, ?)", row)
        writer.commit()
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (Path(f"{database}-wal").stat().st_size, before[1]))
        try:
            yield "disk"
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def set_for_new_connections(app: Application, setting: str, value: str) -> Iterator[None]:
    """Cut all connections to PostgreSQL, and let new ones have this setting."""
    name = make_url(app.extensions["settings"].database_url).database
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" SET {setting} = {value}'))
    db.engine.dispose()
    yield
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET default_transaction_read_only = off"))
        connection.execute(text(f'ALTER DATABASE "{name}" RESET {setting}'))
        connection.invalidate()
    db.session.remove()
    db.engine.dispose()


@contextmanager
def read_only_server(app: Application) -> Iterator[str]:
    """PostgreSQL as after a failover."""
    with set_for_new_connections(app, "default_transaction_read_only", "on"):
        yield "read-only transaction"


@contextmanager
def no_new_file(app: Application) -> Iterator[str]:
    """PostgreSQL with a disk so full that only rows are written for which there is room in files that are there."""
    with set_for_new_connections(app, "temp_file_limit", "0"):
        yield "temp_file_limit"


@contextmanager
def no_more_rows(_app: Application) -> Iterator[str]:
    """PostgreSQL that says of every row what it says on a full disk, by the same code."""
    reason = 'could not extend file "base/5/16506": No space left on device'
    with db.engine.begin() as connection:
        connection.exec_driver_sql(f"""
            CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION '{reason}' USING ERRCODE = 'disk_full'; END $$""")
        for table in db.metadata.tables:
            on = f"BEFORE INSERT OR UPDATE OR DELETE ON {table}"
            connection.exec_driver_sql(f"CREATE TRIGGER full_disk {on} EXECUTE FUNCTION full_disk()")
    yield reason
    db.session.remove()
    with db.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
        connection.exec_driver_sql("DROP FUNCTION full_disk CASCADE")


WAYS: list[tuple[str, Unwritable]] = [
    *(("sqlite", way) for way in (read_only_file, full_disk)),
    *(("postgresql", way) for way in (read_only_server, no_more_rows)),
]


def each(ways: list[tuple[str, Unwritable]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("database_url", "unwritable"), ways, indirect=["database_url"])


def ask_everywhere(app: Application) -> dict[str, TestResponse]:
    """Call all that writes, in every dialect and on a page."""
    client = app.test_client()
    credentials = {"email": ALICE, "password": PASSWORD}
    applicant = {"email": "new@example.com", "password": NEW_PASSWORD}
    seller = {"email": ALICE, "old_password": PASSWORD, "new_password": NEW_PASSWORD}
    calls = [
        *((f"{root}/forgot-password", {"email": ALICE}) for root in ("/api/v1/auth", "/api/auth", "")),
        *((f"{root}/login", credentials) for root in ("/api/v1/auth", "/api/auth", "")),
        *((f"{root}/login", credentials | {"password": "wrong"}) for root in ("/api/v1/auth", "/api/auth", "")),
        *((f"{root}/register", applicant) for root in ("/api/v1/auth", "/api/auth", "")),
        ("/api/v1/auth/resend-verification", {"email": ALICE}),
        ("/api/auth/reset_password", seller),
    ]
    answers = {f"{number} {path}": client.post(path, json=body) for number, (path, body) in enumerate(calls)}
    answers["page"] = post_form(app.test_client(), "/forgot-password", email=ALICE)
    return answers


@each(WAYS)
def test_every_face_says_busy_and_nobody_pays_for_it(
    app: Application, alice: User, settings: Settings, unwritable: Unwritable
) -> None:
    db.session.remove()
    with unwritable(app) as reason, capture_logs() as logged:
        for _ in range(settings.password_reset_rate_limit_limit):
            answers = ask_everywhere(app)
            assert {call: answer.status_code for call, answer in answers.items()} == dict.fromkeys(answers, 503)
            assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers.values())
            assert not any("RateLimit" in answer.headers for answer in answers.values())
    away = [line for line in logged if line["event"] == "database away"]
    assert len(away) >= len(answers)
    assert all(reason in line["reason"] for line in away)
    assert not any(ALICE in str(line) for line in away)

    ask = app.test_client().post
    after = [ask("/api/v1/auth/forgot-password", json={"email": ALICE}).status_code for _ in range(4)]
    assert after == [200, 200, 200, 429]
    assert ask("/login", json={"email": ALICE, "password": PASSWORD}).status_code == 200


@each([*WAYS, ("postgresql", no_new_file)])
def test_the_service_is_not_ready_and_the_doctor_says_why(
    app: Application, runner: FlaskCliRunner, unwritable: Unwritable
) -> None:
    client = app.test_client()
    db.session.remove()
    with unwritable(app) as reason, capture_logs() as logged:
        ready, live = client.get("/healthz/ready"), client.get("/healthz/live")
        examined = runner.invoke(args=["auth", "doctor"])
        locked = runner.invoke(args=["auth", "user", "lock", ALICE, "--yes"])

    assert (ready.status_code, live.status_code) == (503, 200)
    assert ready.json == {"status": "unavailable", "reason": "The database cannot be written."}
    assert any(reason in str(line.get("reason")) for line in logged)
    assert examined.exit_code == 1
    assert "cannot be written" in examined.stdout
    assert reason in examined.stdout
    assert "Traceback" not in locked.stderr
    assert client.get("/healthz/ready").status_code == 200


def test_trying_leaves_nothing_behind(app: Application) -> None:
    rows = text("SELECT count(*) FROM duties")
    before = db.session.scalar(rows)
    db.session.remove()

    assert app.test_client().get("/healthz/ready").status_code == 200

    assert db.session.scalar(rows) == before
