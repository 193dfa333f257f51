"""Connections that PostgreSQL ended while nobody used them: no request meets one."""

import pytest
from sqlalchemy import text

from chirp_auth.extensions import db
from chirp_auth.http.routing import Application

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def test_a_request_after_a_restart_of_the_database_finds_a_new_connection(app: Application) -> None:
    with db.engine.connect() as idle, db.engine.connect() as other:
        killed = [connection.scalar(text("SELECT pg_backend_pid()")) for connection in (idle, other)]
    with db.engine.connect() as connection:
        mine = connection.scalar(text("SELECT pg_backend_pid()"))
        for pid in set(killed) - {mine}:
            connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    for _ in range(4):
        with db.engine.connect() as first, db.engine.connect() as second:
            assert {first.scalar(text("SELECT 1")), second.scalar(text("SELECT 1"))} == {1}


def test_a_connection_in_steady_use_costs_no_round_trip(app: Application) -> None:
    asked = text("SELECT query FROM pg_stat_activity WHERE pid = :pid")
    with db.engine.connect() as observer:
        with db.engine.connect() as connection:
            pid = connection.scalar(text("SELECT pg_backend_pid()"))
        before = observer.scalar(asked, {"pid": pid})
        observer.commit()  # What a transaction sees of the others stays as it was.
        with db.engine.connect():
            after = observer.scalar(asked, {"pid": pid})

    assert before == after == "ROLLBACK", "what gave it back, and no ping since"
