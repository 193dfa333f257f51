"""One PostgreSQL database for many tests: reset to the template's rows after each, which is much cheaper than a copy.

A test that changed more than rows (tables, constraints, triggers), or left them locked, gets rid of the database:
the next test has a new copy.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from tests.support.postgres import PostgresServer, libpq_url

STRUCTURE = """
    SELECT md5(string_agg(part, '|' ORDER BY part)) FROM (
        SELECT concat_ws(' ', 'table', oid, relname, reloptions)
            FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(' ', 'column', attrelid, attnum, attname, atttypid, atttypmod, attnotnull)
            FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(' ', 'constraint', oid, convalidated) FROM pg_constraint
        UNION ALL SELECT concat_ws(' ', 'trigger', oid, tgenabled) FROM pg_trigger
        UNION ALL SELECT concat_ws(' ', 'function', oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(' ', 'schema', nspname) FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'
        UNION ALL SELECT concat_ws(' ', 'setting', setdatabase, setrole, setconfig) FROM pg_db_role_setting
        UNION ALL SELECT concat_ws(' ', 'migration', version_num) FROM alembic_version
    ) AS parts (part)
"""
END_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
SEQUENCES = """
    SELECT format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value), last_value IS NOT NULL
    FROM pg_sequences WHERE schemaname = 'public'
"""


class ReusedDatabase:
    """A migrated database that several tests use one after the other."""

    def __init__(self, server: PostgresServer, template: str, tables: list[str]) -> None:
        """`tables` are in an order in which they can be emptied: those that refer to others first."""
        self._server = server
        self._template = template
        self._tables = tables
        self._copy = contextlib.ExitStack()
        self._url: str | None = None
        self._structure = ""
        self._sequences: list[tuple[str, int, bool]] = []
        self._rows: dict[str, str] = {}  # of the template, as JSON, by table

    @contextlib.contextmanager
    def as_new(self) -> Iterator[str]:
        """Yield its URL; whatever happens to the database until the end of the context, the next one is as new."""
        if self._url is None:
            self._url = self._copy.enter_context(self._server.database(self._template))
            with self._connect() as connection:
                self._structure = self._read_structure(connection)
                self._sequences = connection.execute(SEQUENCES).fetchall()
                self._rows = {table: rows for table in self._tables if (rows := self._read_rows(connection, table))}
        try:
            yield self._url
        finally:
            if not self._reset():
                self.drop()

    def drop(self) -> None:
        self._copy.close()
        self._url = None

    def _reset(self) -> bool:
        try:
            with self._connect() as connection:
                connection.execute(END_OTHERS)
                if self._read_structure(connection) != self._structure:
                    return False
                for table in self._tables:
                    connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
                for sequence in self._sequences:
                    connection.execute("SELECT setval(%s::regclass, %s, %s)", sequence)
                for table, rows in reversed(self._rows.items()):
                    insert = sql.SQL("INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, %s::json)")
                    connection.execute(insert.format(sql.Identifier(table)), [rows])
        except psycopg.Error:
            return False
        return True

    def _read_structure(self, connection: psycopg.Connection[Any]) -> str:
        row = connection.execute(STRUCTURE).fetchone()
        return str(row and row[0])

    def _read_rows(self, connection: psycopg.Connection[Any], table: str) -> str | None:
        query = sql.SQL("SELECT json_agg(t)::text FROM {} AS t").format(sql.Identifier(table))
        row = connection.execute(query).fetchone()
        return row and row[0]

    def _connect(self) -> psycopg.Connection[Any]:
        """Return a connection on which nothing waits for long; its work is committed at the end."""
        assert self._url
        address = libpq_url(make_url(self._url))
        return psycopg.connect(address, connect_timeout=10, options="-c lock_timeout=2s -c statement_timeout=10s")
