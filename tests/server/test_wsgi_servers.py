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
SERVERS = {
    "flask run": ("-m", "flask", "--app", "wsgi", "run", "--port", "{port}"),
    "wsgiref": ("-c", WSGIREF),
    "waitress": ("-m", "waitress", "--listen", "127.0.0.1:{port}", "wsgi:app"),
    "gunicorn": ("-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--threads", "2", "wsgi:app"),
    "granian": ("-m", "granian", "--interface", "wsgi", "--port", "{port}", "wsgi:app"),
}


def flask(folder: Path, *arguments: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
        env=environment_for(CHEAP, folder),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that has the demo accounts, made as the documents say."""
    folder = tmp_path_factory.mktemp("servers")
    flask(folder, "db", "upgrade")
    flask(folder, "auth", "seed")
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
    assert promised_mails(folder) == before + 1


def promised_mails(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "chirp.db")) as database:
        (count,) = database.execute("SELECT count(*) FROM outbox").fetchone()
    return int(count)
