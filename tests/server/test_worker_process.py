"""The worker beside the server: one process, which comes back when it dies and goes when the server goes."""

import http.client
import json
import os
import signal
import sqlite3
import time
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.conftest import ALICE, on_one_database
from tests.support.child import accepts_connections, free_port
from tests.support.server import Application, application, command
from tests.support.smtp import SmtpServer

CHEAP = {"BCRYPT_COST": "4"}
START_SECONDS = 60  # Far more than a start takes; a busy machine may need it.


@pytest.fixture
def environment(database_url: str, smtp_server: SmtpServer) -> dict[str, str]:
    """Settings of a server whose mail goes to the test's own."""
    mail = {"SMTP_HOST": smtp_server.host, "SMTP_PORT": str(smtp_server.port)}
    return {**CHEAP, **mail, "DATABASE_URL": database_url}


def workers(server: int) -> list[int]:
    """Return the worker processes that this server started."""
    return [pid for pid in children(server) if "chirp_auth.worker" in command_line(pid)]


def children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[1]) == parent and words[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ask_for_a_link(server: Application) -> None:
    """Have a link mailed to the demo account."""
    body = json.dumps({"email": "demo@example.com"}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.base_url}/api/auth/forgot-password", body, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def freeze_between_transactions(worker: int, database_url: str) -> None:
    """Stop the worker while it holds no lock that others need; the first mail may not be marked as sent yet."""
    path = make_url(database_url).database if database_url.startswith("sqlite") else None
    for _ in range(100):
        os.kill(worker, signal.SIGSTOP)
        if path is None or can_be_written(path):
            return
        os.kill(worker, signal.SIGCONT)
        time.sleep(0.05)
    pytest.fail("the worker never let go of the database")


def can_be_written(path: str) -> bool:
    with closing(sqlite3.connect(path, timeout=0.2, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True


@on_one_database
def test_a_killed_worker_is_started_again_and_the_mail_leaves(
    environment: Mapping[str, str], smtp_server: SmtpServer, tmp_path: Path
) -> None:
    with application(environment, tmp_path, seconds=START_SECONDS) as server:
        ask_for_a_link(server)
        smtp_server.wait_for(1, seconds=START_SECONDS)
        (worker,) = workers(server.pid)
        assert os.getpriority(os.PRIO_PROCESS, worker) > os.getpriority(os.PRIO_PROCESS, server.pid)  # nicer

        os.kill(worker, signal.SIGKILL)
        ask_for_a_link(server)

        smtp_server.wait_for(2, seconds=START_SECONDS)
        assert len(workers(server.pid)) == 1
        assert "worker process started again" in server.output
        assert server.stop() == 0


def test_a_killed_server_takes_its_worker_along_and_the_next_one_sends_the_mail(
    environment: Mapping[str, str], smtp_server: SmtpServer, tmp_path: Path
) -> None:
    with application(environment, tmp_path, seconds=START_SECONDS) as server:
        ask_for_a_link(server)
        smtp_server.wait_for(1, seconds=START_SECONDS)
        (worker,) = workers(server.pid)
        beside = children(server.pid)
        freeze_between_transactions(worker, environment["DATABASE_URL"])
        ask_for_a_link(server)  # This stays in the outbox.
        os.kill(server.pid, signal.SIGKILL)  # Alone: nobody signals the worker.
        os.kill(worker, signal.SIGCONT)
        deadline = time.monotonic() + 15
        while any(map(is_running, beside)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert list(filter(is_running, beside)) == [], "the worker, and what serves without one"

    with application(environment, tmp_path, seconds=START_SECONDS):
        smtp_server.wait_for(2, seconds=START_SECONDS)


@on_one_database
@pytest.mark.parametrize(  # SIGTERM to all: test_server.py
    ("number", "to_all"), [(signal.SIGINT, True), (signal.SIGINT, False), (signal.SIGTERM, False)]
)
def test_a_signal_ends_both_cleanly(
    environment: Mapping[str, str], tmp_path: Path, number: signal.Signals, to_all: bool
) -> None:
    with application(environment, tmp_path, seconds=START_SECONDS) as server:
        (worker,) = workers(server.pid)
        if to_all:
            server.signal(number)  # As a terminal's Ctrl-C, and perhaps before the worker has begun.
        else:
            os.kill(server.pid, number)

        assert server.wait(seconds=10) == 0, "before the worker was killed for not heeding it"
        assert not is_running(worker)
        assert "Traceback" not in server.output


def test_an_external_worker_is_not_started(postgres_url: str, tmp_path: Path) -> None:
    with application(
        {**CHEAP, "DATABASE_URL": postgres_url, "MAIL_WORKER": "external"}, tmp_path, seconds=START_SECONDS
    ) as server:
        ask_for_a_link(server)

        assert workers(server.pid) == []


@on_one_database
@pytest.mark.usefixtures("alice")
def test_another_server_says_what_sends_its_mail_and_that_does(
    environment: Mapping[str, str], smtp_server: SmtpServer, tmp_path: Path
) -> None:
    port = free_port()
    run = ("flask", "--app", "wsgi", "run", "--port", str(port))
    serving = {**environment, "PORT": str(port), "PUBLIC_URL": f"http://127.0.0.1:{port}"}
    with command(run, serving, tmp_path) as server:
        server.wait_until(lambda: "auth worker" in server.output)
        server.wait_until(lambda: accepts_connections(port))
        assert children(server.pid) == []

        with command(("flask", "--app", "wsgi", "auth", "worker"), serving, tmp_path):
            asking = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            body, headers = json.dumps({"email": ALICE}), {"Content-Type": "application/json"}
            asking.request("POST", "/api/auth/forgot-password", body, headers)
            assert asking.getresponse().status == 200
            asking.close()
            smtp_server.wait_for(1, seconds=START_SECONDS)
