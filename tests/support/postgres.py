"""A PostgreSQL server for the tests: one for the whole run, and a fresh database for whoever asks.

`TEST_DATABASE_URL` names a server to use, by a role that may create databases; without it the binaries of a
wheel are started when the first test needs them. Databases are named after the run: runs may share a server.
"""

import contextlib
import hashlib
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

from tests.support.child import Child
from tests.support.keeper import ENDED

START = Path(__file__).with_name("postgres_start.py")
SECONDS_TO_START = 60.0


def prepare(folder: Path, remove: Path, *, durable: bool = False) -> Child:
    """Be ready to start a server in `folder` at the first knock; `remove` goes away when the child stops.

    Only a durable server waits for the disk.
    """
    door = folder / "door"
    os.mkfifo(door)
    return Child(
        [sys.executable, START, folder, *(["durable"] if durable else [])],
        log=folder / "log",
        remove=remove,
        stop_with=signal.SIGQUIT,  # PostgreSQL's immediate shutdown
        door=door,
    )


@dataclass(frozen=True)
class PostgresServer:
    """A server, and where a run's databases on it are made."""

    address: URL
    run: str

    def url(self, name: str) -> str:
        return self.address.set(database=name).render_as_string(hide_password=False)

    @contextlib.contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """Yield the URL of a fresh database, a copy of `template`, that is dropped afterwards."""
        name = f"{self.run}_{uuid.uuid4().hex[:12]}"
        self._create(name, template)
        try:
            yield self.url(name)
        finally:
            self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def template(self, name: str, build: Callable[[str], None]) -> str:
        """Return the name of a database that `build(url)` filled: once per run, by the first who asks."""
        template, unfinished = f"{self.run}_{name}", f"{self.run}_{name}_unfinished"
        key = int.from_bytes(hashlib.sha256(template.encode()).digest()[:8], signed=True)
        with self._connect() as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [key])
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone():
                self._execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(unfinished)))
                self._create(unfinished, "template1")
                build(self.url(unfinished))
                names = sql.Identifier(unfinished), sql.Identifier(template)
                self._execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))
        return template

    def drop_everything(self) -> None:
        """Drop every database of this run."""
        with self._connect() as connection:
            query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
            for (name,) in connection.execute(query, [f"{self.run}_"]).fetchall():
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _create(self, name: str, template: str) -> None:
        names = sql.Identifier(name), sql.Identifier(template)
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))

    def _execute(self, statement: sql.Composed) -> None:
        with self._connect() as connection:
            connection.execute(statement)

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(libpq_url(self.address), autocommit=True, connect_timeout=10)


def libpq_url(address: URL) -> str:
    return address.set(drivername="postgresql").render_as_string(hide_password=False)


def from_environment(run: str) -> PostgresServer | None:
    address = os.environ.get("TEST_DATABASE_URL")
    if not address:
        return None
    url = make_url(address.replace("postgres://", "postgresql://", 1)).set(drivername="postgresql+psycopg")
    return PostgresServer(url, run)


def wait_for(folder: Path, run: str) -> PostgresServer:
    """Knock at the door of a prepared server and return it as soon as it answers."""
    query = {"host": str(folder / "socket")}
    address = URL.create("postgresql+psycopg", username="postgres", database="postgres", query=query)
    knock_until(folder, lambda: answers(address))
    return PostgresServer(address, run)


def knock_until(folder: Path, answered: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not answered():
        said = (folder / "log").read_text() if (folder / "log").exists() else ""
        if ENDED in said or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start. It printed:\n{said}")
        with contextlib.suppress(OSError):  # nobody behind the door: not yet, or it has started already
            door = os.open(folder / "door", os.O_WRONLY | os.O_NONBLOCK)
            os.write(door, b"!")
            os.close(door)
        time.sleep(0.05)


def answers(address: URL) -> bool:
    try:
        psycopg.connect(libpq_url(address), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
