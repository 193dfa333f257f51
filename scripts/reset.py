"""Remove development's data, so that the next `make run` begins again; what `make reset` runs.

    python -m scripts.reset [--yes]

It lists what it would remove and asks: the SQLite database that the settings name, and what development keeps beside
a database: its secrets, the demo password, the mailbox. Outside development it refuses.
"""

import argparse
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from pydantic import ValidationError

from config import Settings

KEPT = ("secret-key", "jwt-secret", "audit-key", "encryption-key", "demo-password", "mailbox")


def main() -> None:
    """Remove the data. Whatever stands in the way is said in words, with exit code 1."""
    parser = argparse.ArgumentParser(prog="make reset", description="Remove development's data to begin again.")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    agreed = parser.parse_args().yes
    try:
        settings = Settings()
    except ValidationError:
        sys.exit("The settings cannot be used, see: make run. Nothing was removed.")
    if settings.in_production:
        sys.exit("APP_ENV=production: only development's data can be removed like this. Nothing was removed.")
    if not settings.on_sqlite:
        sys.exit("DATABASE_URL names a PostgreSQL: drop that database there. Nothing was removed.")
    found = [path for path in _data(settings) if path.exists()]
    if not found:
        print("There is nothing to remove: make run begins.")
        return
    print("This removes:", *(f"  {path}" for path in found), sep="\n")
    if not (agreed or _agrees()):
        sys.exit("Nothing was removed.")
    if found[0] == settings.database_file and _is_in_use(found[0]):
        sys.exit(f"A program has {found[0]} open: stop the server first. Nothing was removed.")
    try:
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    except OSError as error:
        sys.exit(f"{error.filename} cannot be removed: {error.strerror}.")
    print("Removed. make run begins again.")


def _data(settings: Settings) -> Iterator[Path]:
    """Yield what this database may consist of, the database first."""
    for end in ("", "-wal", "-shm"):
        yield Path(f"{settings.database_file}{end}")
    yield from map(settings.beside_database, KEPT)
    if settings.audit_head_file:  # It would say that the new trail lacks its end.
        yield settings.audit_head_file


def _is_in_use(database: Path) -> bool:
    """Say whether another process has the database open: only without one can its write-ahead log be ended."""
    with closing(sqlite3.connect(database, timeout=0)) as connection:
        try:
            connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.DatabaseError as error:
            return "locked" in str(error)
    return False


def _agrees() -> bool:
    if not sys.stdin.isatty():
        sys.exit("There is no terminal to ask at: make reset ARGS=--yes. Nothing was removed.")
    try:
        return input("Remove all of it? [y/N] ").strip().lower() in ("y", "yes")
    except (EOFError, KeyboardInterrupt):
        print()
        return False


if __name__ == "__main__":
    main()
