"""`auth doctor`: what is well, what is not, and what mends it."""

import json
import os
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskCliRunner
from sqlalchemy import text

from chirp_auth.accounts import password_reset
from chirp_auth.admin import audit_trail
from chirp_auth.cli.doctor import local_checks
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail import job_locks
from chirp_auth.models import User
from tests.conftest import ALICE, TEST_CLIENT
from tests.support.child import free_port
from tests.support.redis import RedisServer
from tests.support.smtp import SmtpServer

PRODUCTION = {
    "app_env": "production",
    "smtp_host": "127.0.0.1",
    "smtp_port": free_port(),
    "smtp_security": "none",
    "bcrypt_cost": 10,
}


def examined(runner: FlaskCliRunner, *options: str) -> tuple[int, dict[str, dict[str, Any]]]:
    db.session.remove()
    result = runner.invoke(args=["auth", "doctor", "--json", *options])
    report = json.loads(result.stdout)
    assert report["ok"] == (result.exit_code == 0)
    assert all(check["fix"] for check in report["checks"] if check["status"] != "ok")
    return result.exit_code, {check["check"]: check for check in report["checks"]}


def test_a_working_development_set_up_is_well(runner: FlaskCliRunner) -> None:
    job_locks.heartbeat()

    code, checks = examined(runner)

    assert code == 0
    assert {name for name, check in checks.items() if check["status"] != "ok"} <= {"files"}
    assert len(checks) == 19


def test_a_database_that_is_not_migrated_fails(runner: FlaskCliRunner) -> None:
    db.session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    db.session.commit()

    code, checks = examined(runner)

    assert code == 1
    assert checks["database"]["detail"] == "The database is not migrated"
    assert checks["database"]["fix"] == "Run flask --app wsgi db upgrade."


def test_a_database_of_a_later_release_is_told_apart(runner: FlaskCliRunner) -> None:
    db.session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    db.session.commit()

    code, checks = examined(runner)

    assert (code, checks["database"]["status"]) == (0, "warn")
    assert "newer than this release" in checks["database"]["detail"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_that_cannot_be_reached_is_told_with_its_reason(app: Application, runner: FlaskCliRunner) -> None:
    db.engine.dispose()
    database = app.extensions["settings"].database_file
    for path in database.parent.glob("chirp.db*"):
        path.unlink()
    database.write_bytes(b"no database at all" * 100)

    code, checks = examined(runner)

    assert code == 1
    assert "file is not a database" in checks["database"]["detail"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_of_another_user_than_its_folder_is_told(app: Application, runner: FlaskCliRunner) -> None:
    database = app.extensions["settings"].database_file
    try:
        os.chown(database, os.getuid() + 4321, -1)
    except PermissionError:
        pytest.skip("only root gives files away")

    files = examined(runner)[1]["files"]

    assert (files["status"], "chown" in files["fix"]) == ("warn", True)


@pytest.mark.settings(**PRODUCTION)
def test_production_is_told_to_conceal_accounts_and_name_its_proxy(runner: FlaskCliRunner) -> None:
    code, checks = examined(runner)

    assert "CONCEAL_ACCOUNTS" in checks["settings"]["fix"]
    assert "TRUSTED_PROXY_HOPS" in checks["proxy"]["fix"]
    assert checks["cookies"]["status"] == "ok"
    assert (code, checks["smtp"]["status"]) == (1, "fail")


@pytest.mark.settings(smtp_host="127.0.0.1", smtp_port=PRODUCTION["smtp_port"])
def test_a_mail_server_is_greeted_and_tried(runner: FlaskCliRunner, smtp_server: SmtpServer) -> None:
    smtp_server.stop()
    smtp_server.port = int(str(PRODUCTION["smtp_port"]))
    smtp_server.start()

    result = runner.invoke(args=["auth", "doctor", "--send-test", ALICE])

    assert result.exit_code == 0
    assert "no TLS, not signed in" in result.stdout
    assert [mail.recipients for mail in smtp_server.messages] == [(ALICE,)]


@pytest.mark.settings(smtp_host="127.0.0.1", smtp_port=PRODUCTION["smtp_port"])
def test_a_test_mail_that_was_not_taken_is_a_failed_check(runner: FlaskCliRunner, smtp_server: SmtpServer) -> None:
    smtp_server.stop()
    smtp_server.port = int(str(PRODUCTION["smtp_port"]))
    smtp_server.answer_to_data = "554 We do not like you"
    smtp_server.start()
    job_locks.heartbeat()

    code, checks = examined(runner, "--send-test", ALICE)

    assert [name for name, check in checks.items() if check["status"] == "fail"] == ["test mail"]
    assert (code, "554 We do not like you" in checks["test mail"]["detail"]) == (1, True)


def test_an_address_that_is_none_is_a_failed_check(runner: FlaskCliRunner) -> None:
    assert examined(runner, "--send-test", "nobody")[1]["test mail"]["status"] == "fail"


def test_without_its_tables_every_line_is_still_there(runner: FlaskCliRunner) -> None:
    for table in ("outbox", "duties", "security_events"):
        db.session.execute(text(f"ALTER TABLE {table} RENAME TO {table}_lost"))
    db.session.commit()

    code, checks = examined(runner)

    assert code == 1
    assert {name for name, check in checks.items() if check["status"] == "fail"} == {
        "database",
        "clock",
        "worker",
        "queue",
        "audit trail",
    }
    assert len(checks) == 19


def test_redis_answers_or_fails(app: Application, runner: FlaskCliRunner, own_redis_server: RedisServer) -> None:
    app.extensions["settings"].redis_url = own_redis_server.url
    assert examined(runner)[1]["redis"]["status"] == "ok"

    own_redis_server.stop()

    code, checks = examined(runner)
    assert (code, checks["redis"]["status"]) == (1, "fail")


def test_a_worker_that_was_not_seen_for_a_minute_is_told(runner: FlaskCliRunner) -> None:
    job_locks.heartbeat()

    with time_machine.travel(now() + timedelta(seconds=61), tick=False):
        checks = examined(runner)[1]

    assert checks["worker"]["status"] == "warn"


def test_mail_that_waits_without_a_worker_fails(runner: FlaskCliRunner, alice: User) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)

    with time_machine.travel(now() + timedelta(minutes=6)):
        code, checks = examined(runner)

    assert code == 1
    assert (checks["worker"]["status"], checks["queue"]["status"]) == ("fail", "fail")


def test_events_from_the_future_show_a_wrong_clock(runner: FlaskCliRunner, alice: User) -> None:
    with time_machine.travel(now() + timedelta(hours=1)):
        password_reset.request_link(ALICE, TEST_CLIENT)
        audit_trail.seal_events()

    assert examined(runner)[1]["clock"]["status"] == "warn"


@pytest.mark.parametrize(("mode", "status"), [(0o600, "ok"), (0o644, "warn"), (0o666, "fail")])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_file_that_others_may_read_or_change_is_told(
    app: Application, runner: FlaskCliRunner, mode: int, status: str
) -> None:
    database = app.extensions["settings"].database_file
    database.chmod(mode)

    files = examined(runner)[1]["files"]

    assert files["status"] == status
    assert str(database) in files["fix"] or status == "ok"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.settings(rate_limits_enabled=False, support_email="no-reply@example.com")
def test_lifted_limits_and_an_address_that_nobody_reads_are_warned_of(runner: FlaskCliRunner) -> None:
    found = examined(runner)[1]["settings"]

    assert found["status"] == "warn"
    assert "RATE_LIMITS_ENABLED=false" in found["detail"]
    assert "SUPPORT_EMAIL is a no-reply address" in found["detail"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.settings(
    smtp_user="accounts@example.com", smtp_pass="b7a1b0", smtp_host="127.0.0.1", smtp_port=PRODUCTION["smtp_port"]
)
def test_the_sender_and_the_address_for_help_are_named(runner: FlaskCliRunner) -> None:
    found = examined(runner)[1]["addresses"]

    assert "MAIL_FROM accounts@example.com (not set: follows from other settings)" in found["detail"]
    assert "SUPPORT_EMAIL help@example.com," in found["detail"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("free", "status"), [(2 * 2**30, "ok"), (2**29, "warn"), (2**20, "fail")])
def test_a_disk_that_fills_is_told(
    runner: FlaskCliRunner, monkeypatch: pytest.MonkeyPatch, free: int, status: str
) -> None:
    monkeypatch.setattr(local_checks, "disk_usage", lambda _folder: SimpleNamespace(free=free))

    disk = examined(runner)[1]["disk"]

    assert (disk["status"], "GB free at" in disk["detail"]) == (status, True)
