"""Where the sites store: each prepares a database once, and every turn gets a fresh copy of it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from bench import databases
from tests.support.postgres import PostgresServer

Prepare = Callable[[str], None]  # Fills the empty database at this URL.


class SqliteStore:
    """A file for each site."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self, name: str, fill: Prepare) -> None:
        """Fill the database that the copies of `name` are made from."""
        fill(f"sqlite:///{self._folder / name}.db")

    @contextmanager
    def copy(self, name: str) -> Iterator[str]:
        """Yield the URL of a copy, with what was still in the write-ahead log."""
        copied = self._folder / "turn.db"
        with (
            closing(sqlite3.connect(self._folder / f"{name}.db")) as source,
            closing(sqlite3.connect(copied)) as target,
        ):
            source.backup(target)
        try:
            yield f"sqlite:///{copied}"
        finally:
            for file in self._folder.glob("turn.db*"):
                file.unlink()


class PostgresStore:
    """A template database for each site, on one server."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._templates: dict[str, str] = {}

    def prepare(self, name: str, fill: Prepare) -> None:
        """Fill the database that the copies of `name` are made from."""
        self._templates[name] = self._server.template("".join(filter(str.isalnum, name.lower())), fill)

    @contextmanager
    def copy(self, name: str) -> Iterator[str]:
        """Yield the URL of a copy."""
        with self._server.database(self._templates[name]) as url:
            yield url


Store = SqliteStore | PostgresStore


def opened(kind: str, folder: Path, stack: ExitStack) -> Store:
    """Return the store of this kind; it ends with the stack."""
    return (
        SqliteStore(folder) if kind == "sqlite" else PostgresStore(stack.enter_context(databases.postgresql_server()))
    )
