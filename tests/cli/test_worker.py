"""`auth worker`: `--once`, as a timer or a script runs it, and a worker of its own with its metrics."""

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from flask.testing import FlaskCliRunner

from chirp_auth.accounts import password_reset
from chirp_auth.admin import audit_trail
from chirp_auth.extensions import db
from chirp_auth.models import User
from config import Settings
from tests.conftest import ALICE, MALLORY, TEST_CLIENT
from tests.runtime.test_metrics import ON_SQLITE, TOKEN, Values, parsed, value
from tests.support.child import Child, free_port
from tests.support.server import environment_for


def work_once(settings: Settings, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    db.session.remove()
    result = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "auth", "worker", "--once", "--json"],
        env=environment_for({"DATABASE_URL": settings.database_url, **more}, folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in result.stderr
    return result


def test_it_does_what_is_due_and_seals_what_it_did(settings: Settings, alice: User, tmp_path: Path) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)

    result = work_once(settings, tmp_path)

    assert (result.returncode, json.loads(result.stdout)) == (0, {"mails": 1})
    report = audit_trail.verify()
    assert (report.unsealed, report.seals > 0) == (0, True)


@ON_SQLITE
def test_a_mail_server_that_is_away_is_said_and_nothing_is_lost(
    settings: Settings, alice: User, tmp_path: Path
) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)

    result = work_once(settings, tmp_path, SMTP_HOST="127.0.0.1", SMTP_PORT=str(free_port()))

    assert (result.returncode, result.stdout) == (1, "")
    assert "Error: The mail server is away" in result.stderr
    assert json.loads(work_once(settings, tmp_path).stdout) == {"mails": 0}, "it is tried again, but not at once"


def scraped(port: int, path: str = "/metrics", token: str = TOKEN) -> Values:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return parsed(answer.read().decode())


def mails(port: int, outcome: str) -> float:
    return value(scraped(port), "chirp_auth_mails_total", outcome=outcome)


@ON_SQLITE
def test_a_worker_of_its_own_shows_what_it_counts(settings: Settings, alice: User, tmp_path: Path) -> None:
    port, given = free_port(), {"DATABASE_URL": settings.database_url, "METRICS_TOKEN": TOKEN}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "auth", "worker", "--metrics-port", str(port)]
    worker = Child(command, log=tmp_path / "worker.log", environment=environment_for(given, tmp_path))
    try:
        worker.wait_until(lambda: "Delivering mail" in worker.output, seconds=60)
        assert [mails(port, outcome) for outcome in ("sent", "nobody", "refused", "delayed")] == [0] * 4
        for address in (ALICE, MALLORY):
            password_reset.request_link(address, TEST_CLIENT)
        worker.wait_until(lambda: (mails(port, "sent"), mails(port, "nobody")) == (1, 1))
        for path, token in (("/metrics", "another"), ("/", TOKEN)):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                scraped(port, path, token)
    finally:
        assert worker.stop() == 0


@ON_SQLITE
def test_metrics_that_cannot_or_must_not_be_shown_are_told_before_any_mail(runner: FlaskCliRunner) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        for host, code, told in (("127.0.0.1", 1, "Address already in use"), ("0.0.0.0", 2, "set METRICS_TOKEN")):
            result = runner.invoke(args=["auth", "worker", "--metrics-port", port, "--metrics-host", host])
            assert (result.exit_code, told in result.stderr) == (code, True)
