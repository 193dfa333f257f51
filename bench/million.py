"""`python -m bench.million`: what operators wait for at a million accounts and two million events.

It migrates an empty database and fills it, by COPY on PostgreSQL and in one transaction for each table on SQLite, with
accounts of which one in a hundred is locked and one in ten not confirmed, sessions, mails and events of the last year,
then runs each command twice in this process and prints how long it took, the second time with its pages cached. The
start of a process comes on top; it is printed first.
"""

import argparse
import json
import logging
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import structlog
from flask import Flask
from psycopg import sql
from psycopg.types.json import Json
from sqlalchemy import make_url, text

from bench.__main__ import ROOT
from bench.databases import postgresql
from chirp_auth import audit, create_app
from chirp_auth.extensions import db
from chirp_auth.runtime import migrations
from config import load
from tests.support.postgres import libpq_url

KEYS: dict[str, Any] = {
    "secret_key": "b3c9a51f0e7d4826a94b1c60f28e57d3",
    "jwt_secret": "62f08ad94c1be7530da8f96b247ce513",
}
HASH = "$2b$12$" + "a" * 21 + "u" + "b" * 30 + "u"  # Nobody signs in here.
NOW = datetime.now(UTC)
YEAR = timedelta(days=365)
FIRST_NAMES = ("Alice", "Bilal", "Chen", "Divya", "Elena", "Farid", "Grace", "Hiroshi", "Ines", "Jonas", "Zoë")
LAST_NAMES = ("Archer", "Baker", "Castillo", "Dutta", "Eriksen", "Fischer", "Gupta", "Haddad", "Ivanova", "Moreau")
KINDS = (
    *(("session.signed_in", "ok"),) * 6,
    *(("session.signed_in", "wrong_password"), ("session.signed_in", "no_account")),
    *(("password_reset.requested", "ok"), ("password_reset.done", "ok")),
)

Rows = Iterator[tuple[Any, ...]]


def main() -> None:
    options = _options()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if options.database == "postgresql":
            url = options.database_url or stack.enter_context(postgresql())
        else:
            url = options.database_url or f"sqlite:///{folder / 'million.db'}"
        app = create_app(load(_env_file=None, database_url=url, **KEYS))
        with app.app_context():
            if not options.filled:
                started = time.perf_counter()
                fill(url, options.accounts, options.events)
                print(f"filled in {time.perf_counter() - started:.0f} s", flush=True)
            measure(app, options, folder)
            db.engine.dispose()


def fill(url: str, accounts: int, events: int) -> None:
    """Migrate the application's database and fill it."""
    migrations.upgrade()
    tables = {
        "users": (_USERS, _users(accounts)),
        "sessions": (_SESSIONS, _sessions(accounts)),
        "outbox": (_MAILS, _mails(accounts)),
        "security_events": (_EVENTS, _events(accounts, events)),
    }
    for table, (columns, rows) in tables.items():
        (_insert if url.startswith("sqlite") else _copy)(url, table, columns, rows)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE" if url.startswith("sqlite") else "VACUUM ANALYZE"))


def measure(app: Flask, options: argparse.Namespace, folder: Path) -> None:
    """Run the commands and print the table."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))  # as for commands
    middle = options.accounts // 2
    email = _email(middle)
    commands = [
        ["user", "show", email],
        ["user", "list", "--status", "locked"],
        ["user", "list", "--status", "unverified"],
        ["user", "list", "--status", "active"],
        ["user", "list", "--search", email],
        ["user", "list", "--search", f"son{middle}@"],
        ["user", "list", "--search", f"number{middle}"],
        ["user", "list", "--search", "no such person"],
        ["user", "list", "--search", _phone(middle)[3:]],
        ["user", "list", "--search", "example.com"],
        ["user", "list", "--search", f"son{middle}@", "--status", "locked"],
        ["audit", "search", "--user", email],
        ["audit", "search", "--email", email],
        ["audit", "search", "--email", "nobody@example.org"],
        ["audit", "search", "--email", email, "--action", "password_reset"],
        ["audit", "search", "--ip", _ip(middle)],
        ["audit", "search", "--since", "2d", "--until", "1d", "--outcome", "wrong_password"],
        ["audit", "search", "--before", str(options.events // 2)],
        ["mail", "list", "--to", email],
        ["mail", "list", "--kind", "reset_link"],
    ]
    print(f"\n{'command':70} first  again\n{'(the start of a process)':70}        {_start_of_a_process():5.2f}")
    for command in commands:
        times = [_timed(app, command) for _ in range(2)]
        print(f"{' '.join(command):70} {times[0]:5.2f}  {times[1]:5.2f}", flush=True)
    listed = folder / "listed.txt"
    listed.write_text("".join(f"{_email(n)}\n" for n in range(0, options.many * 10, 10)), encoding="utf-8")
    for command in (["session", "revoke"], ["reset", "revoke"], ["user", "lock"]):
        seconds = _timed(app, [*command, "--from", str(listed), "--yes"])
        print(f"{' '.join(command)} of {options.many}: {seconds:.1f} s, {options.many / seconds:.0f}/s", flush=True)
    imported = folder / "imported.csv"
    lines = (f"new{n}@example.net,{HASH},Nora,Number{n},{_phone(n)}\n" for n in range(options.imported))
    imported.write_text("email,password_hash,first_name,last_name,phone_number\n" + "".join(lines), encoding="utf-8")
    seconds = _timed(app, ["user", "import", str(imported)])
    print(f"user import of {options.imported} with hashes: {seconds:.1f} s", flush=True)


def _timed(app: Flask, command: Sequence[str]) -> float:
    db.session.remove()
    started = time.perf_counter()
    result = app.test_cli_runner().invoke(args=["auth", *command])
    if result.exit_code:
        raise SystemExit(f"{' '.join(command)}\n{result.output}")
    return time.perf_counter() - started


def _start_of_a_process() -> float:
    flask = [sys.executable, "-m", "flask", "--app", "wsgi", "auth", "openapi", "--help"]
    started = time.perf_counter()
    subprocess.run(flask, cwd=ROOT, capture_output=True, check=True)
    return time.perf_counter() - started


_USERS = (
    *("id", "email", "email_key", "email_verified_at", "first_name", "last_name", "phone_number", "password_hash"),
    *("credential_version", "failed_sign_ins", "password_reset_count", "disabled_at", "created_at", "updated_at"),
)
_SESSIONS = (
    *("id", "user_id", "face", "credential_version", "rotation", "created_at", "last_seen_at", "expires_at"),
    *("ip", "user_agent"),
)
_MAILS = (
    *("id", "kind", "recipient", "recipient_key", "user_id", "params", "message_id", "created_at", "attempts"),
    *("allowed_at", "sent_at", "is_recorded"),
)
_EVENTS = (
    *("at", "kind", "user_id", "email_digest", "ip", "user_agent", "client_salt", "client_digest", "face"),
    *("outcome", "reference", "detail"),
)


def _email(number: int) -> str:
    return f"person{number}@example.com"


def _user_id(number: int) -> UUID:
    return UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128, version=4)  # scattered, as random ids are


def _phone(number: int) -> str:
    return f"+9198{number:08}"


def _ip(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _users(count: int) -> Rows:
    for n in range(count):
        at = NOW - YEAR * ((count - n) / count)
        name = (FIRST_NAMES[n % len(FIRST_NAMES)], f"{LAST_NAMES[n % 7]} Number{n}")
        verified, disabled = (None if n % 10 == 3 else at), (at if n % 100 == 7 else None)
        yield _user_id(n), _email(n), _email(n), verified, *name, _phone(n), HASH, 1, 0, 0, disabled, at, at


def _sessions(count: int) -> Rows:
    for n in range(0, count, 5):
        seen = NOW - timedelta(hours=n % 300)
        yield UUID(int=n), _user_id(n), "web", 1, 0, seen, seen, seen + timedelta(days=30), _ip(n), "Firefox/140.0"


def _mails(count: int) -> Rows:
    for n in range(0, count, 5):
        at, mail_id = NOW - timedelta(seconds=n % 2_000_000), UUID(int=n)
        params = Json({"reference": f"{n:016x}"})
        yield mail_id, "reset_link", _email(n), _email(n), None, params, f"<{mail_id}@example.com>", at, 1, at, at, True


def _events(accounts: int, count: int) -> Rows:
    chance = random.Random(13)
    for n in range(count):
        kind, outcome = KINDS[n % len(KINDS)]
        person = chance.randrange(accounts)
        user_id = None if outcome == "no_account" or kind.endswith("requested") else _user_id(person)
        at = NOW - YEAR * ((count - n) / count)
        # One in a thousand addresses is looked for; the others are anybody's.
        digest = f"{chance.getrandbits(128):032x}" if person % 1000 else audit.digest(_email(person))
        reference = f"{chance.getrandbits(64):016x}"
        client = (_ip(person), "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        yield at, kind, user_id, digest, *client, reference * 2, reference * 4, "web", outcome, reference, None


def _copy(url: str, table: str, columns: Sequence[str], rows: Rows) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
    with psycopg.connect(libpq_url(make_url(url))) as connection, connection.cursor().copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _insert(url: str, table: str, columns: Sequence[str], rows: Rows) -> None:
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
    sqlite3.register_adapter(UUID, lambda value: value.hex)  # as SQLAlchemy stores them
    sqlite3.register_adapter(datetime, lambda value: value.replace(tzinfo=None).isoformat(" ", "microseconds"))
    sqlite3.register_adapter(Json, lambda value: json.dumps(value.obj))
    connection = sqlite3.connect(str(make_url(url).database))
    connection.execute("PRAGMA journal_mode = MEMORY")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -1000000")  # 1 GB: its indexes are filled in random order.
    with connection:
        connection.executemany(statement, rows)
    connection.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.million", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--database-url", help="an empty database, to be filled and kept; a temporary one without it")
    parser.add_argument("--filled", action="store_true", help="the database of an earlier run, with its accounts")
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--many", type=int, default=20_000, help="accounts to lock from a list")
    parser.add_argument("--imported", type=int, default=100_000, help="accounts to import")
    return parser.parse_args()


if __name__ == "__main__":
    main()
