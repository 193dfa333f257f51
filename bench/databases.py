"""What the benchmarks store in: PostgreSQL with durable commits, and accounts by the hundred."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import bcrypt

from bench.__main__ import ROOT
from tests.support import postgres
from tests.support.plugin import make_run_folder

PASSWORD = b"seven quiet herons"


@contextmanager
def postgresql_server() -> Iterator[postgres.PostgresServer]:
    """Yield TEST_DATABASE_URL's server, or one with durable commits that ends with this context."""
    folder = make_run_folder()
    (folder / "postgres").mkdir(mode=0o711)
    keeper = postgres.prepare(folder / "postgres", remove=folder, durable=True)
    try:
        yield postgres.from_environment(folder.name) or postgres.wait_for(folder / "postgres", folder.name)
    finally:
        keeper.stop()


@contextmanager
def postgresql() -> Iterator[str]:
    """Yield the URL of an empty database on such a server."""
    with postgresql_server() as server, server.database() as url:
        yield url


def create_accounts(environment: Mapping[str, str], addresses: Sequence[str], cost: int = 4) -> None:
    """Make the tables if they are missing, and confirmed accounts that share one bcrypt hash of this cost."""
    hashed = bcrypt.hashpw(PASSWORD, bcrypt.gensalt(cost)).decode()
    lines = ["email,password_hash", *(f"{email},{hashed}" for email in addresses)]
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as users:
        users.write("\n".join(lines) + "\n")
        users.flush()
        for command in (["db", "upgrade"], ["auth", "user", "import", users.name]):
            _flask(command, environment)


def _flask(command: list[str], environment: Mapping[str, str]) -> None:
    flask = [sys.executable, "-m", "flask", "--app", "wsgi", *command]
    result = subprocess.run(flask, env=environment, cwd=ROOT, text=True, capture_output=True, check=False)
    if result.returncode:
        raise SystemExit(f"{' '.join(flask)}\n{result.stdout}{result.stderr}")
