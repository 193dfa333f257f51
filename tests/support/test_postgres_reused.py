"""The database that tests share: as new for each of them, whatever the one before did."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from tests.support.postgres import PostgresServer, libpq_url
from tests.support.postgres_reused import ReusedDatabase

BUILD = """
    CREATE TABLE alembic_version (version_num text);
    CREATE TABLE birds (id serial PRIMARY KEY);
    INSERT INTO birds DEFAULT VALUES;
    CREATE TABLE songs (bird int NOT NULL REFERENCES birds);
"""
FILL = "INSERT INTO birds DEFAULT VALUES; INSERT INTO songs VALUES (1)"


@pytest.fixture
def reused(postgres_server: PostgresServer) -> Iterator[ReusedDatabase]:
    def build(url: str) -> None:
        with connect(url) as connection:
            connection.execute(BUILD)

    database = ReusedDatabase(postgres_server, postgres_server.template("birds", build), ["songs", "birds"])
    yield database
    database.drop()


def connect(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(libpq_url(make_url(url)))


@pytest.mark.parametrize(
    ("change", "stays"),
    [
        ("SELECT 1", True),
        ("CREATE TABLE nests ()", False),
        ("ALTER TABLE birds ADD COLUMN name text", False),
        ("ALTER TABLE songs DROP CONSTRAINT songs_bird_fkey", False),
        ("DROP TABLE songs", False),
        ("INSERT INTO alembic_version VALUES ('1')", False),
    ],
)
def test_the_next_test_finds_it_as_new(reused: ReusedDatabase, change: str, stays: bool) -> None:
    with reused.as_new() as first, connect(first) as connection:
        connection.execute(FILL)
        connection.execute(change)

    with reused.as_new() as second, connect(second) as connection:
        connection.execute(FILL)
        assert connection.execute("SELECT count(*), max(id) FROM birds").fetchone() == (2, 2)
    assert (first == second) is stays


def test_a_transaction_that_was_left_open_is_ended(reused: ReusedDatabase) -> None:
    with reused.as_new() as url:
        forgotten = connect(url)
        forgotten.execute("LOCK TABLE birds")

    with reused.as_new() as url, connect(url) as connection:
        connection.execute(FILL)
    forgotten.close()
