"""`auth worker --once`, as a timer or a script runs it: in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chirp_auth.accounts import password_reset
from chirp_auth.admin import audit_trail
from chirp_auth.extensions import db
from chirp_auth.models import User
from config import Settings
from tests.conftest import ALICE, TEST_CLIENT
from tests.support.child import free_port
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


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_mail_server_that_is_away_is_said_and_nothing_is_lost(
    settings: Settings, alice: User, tmp_path: Path
) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)

    result = work_once(settings, tmp_path, SMTP_HOST="127.0.0.1", SMTP_PORT=str(free_port()))

    assert (result.returncode, result.stdout) == (1, "")
    assert "Error: The mail server is away" in result.stderr
    assert json.loads(work_once(settings, tmp_path).stdout) == {"mails": 0}, "it is tried again, but not at once"
