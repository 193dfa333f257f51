"""The application under every WSGI server: it answers a POST, and says at its start what sends the mail."""

import json
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.child import Child, accepts_connections, free_port
from tests.support.server import environment_for

CHEAP = {"BCRYPT_COST": "4"}
DEMO = "demo@example.com"
WSGIREF = (
    "import wsgiref.simple_server as server; from wsgi import app; "
    "server.make_server('127.0.0.1', {port}, app).serve_forever()"
)
FIRST_START = """
import flask_migrate
from chirp_auth.admin import demo_accounts
from wsgi import app
with app.app_context():
    flask_migrate.upgrade()
    demo_accounts.ensure_account()
"""
SERVERS = {
    "flask run": ("-m", "flask", "--app", "wsgi", "run", "--port", "{port}"),
    "wsgiref": ("-c", WSGIREF),
    "waitress": ("-m", "waitress", "--listen", "127.0.0.1:{port}", "wsgi:app"),
    "gunicorn": ("-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--threads", "2", "wsgi:app"),
    "granian": ("-m", "granian", "--interface", "wsgi", "--port", "{port}", "wsgi:app"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a migrated database that has the demo account."""
    folder = tmp_path_factory.mktemp("servers")
    python(FIRST_START, folder)
    return folder


@pytest.mark.parametrize("name", SERVERS)
def test_every_wsgi_server_takes_a_request_for_a_link_and_says_what_sends_it(folder: Path, name: str) -> None:
    port, before = free_port(), promised_mails(folder)
    command = [sys.executable, *(word.replace("{port}", str(port)) for word in SERVERS[name])]
    server = Child(command, log=folder / f"{name}.log", environment=environment_for(CHEAP, folder), folder=folder)
    try:
        server.wait_until(lambda: accepts_connections(port))
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/v1/auth/forgot-password",
            json.dumps({"email": DEMO}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(asked, timeout=20) as answer:
            assert json.load(answer)["email"] == DEMO
    finally:
        server.stop()

    (line,) = (line for line in server.output.splitlines() if "mail needs a worker" in line)
    assert "flask --app wsgi auth worker" in line, "which tests/cli/test_worker.py tries"
    assert "database not ready" not in server.output
    assert promised_mails(folder) == before + 1


def test_a_database_that_is_not_migrated_is_said_at_the_start(tmp_path: Path) -> None:
    said = python("import wsgi", tmp_path)

    assert "database not ready" in said
    assert "run flask --app wsgi db upgrade" in said


def python(code: str, folder: Path) -> str:
    """Run code in a process of its own, with a database in the folder; return what it printed."""
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=environment_for(CHEAP, folder),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    return run.stdout


def promised_mails(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "chirp.db")) as database:
        (count,) = database.execute("SELECT count(*) FROM outbox").fetchone()
    return int(count)
