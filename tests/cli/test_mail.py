"""`auth mail`: what waits, what is parked, and trying again, against a real mail server."""

import json
from typing import Any

import pytest
from flask.testing import FlaskCliRunner

from chirp_auth.accounts import password_reset
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.smtp import ServerAway
from chirp_auth.models import OutboxEntry, User
from chirp_auth.worker import delivery
from config import Settings
from tests.conftest import ALICE, MALLORY, TEST_CLIENT
from tests.support.smtp import SmtpServer


@pytest.fixture
def settings(settings: Settings, smtp_server: SmtpServer) -> Settings:
    settings.smtp_host, settings.smtp_port = smtp_server.host, smtp_server.port
    return settings


def answer(runner: FlaskCliRunner, *arguments: str) -> Any:
    db.session.remove()
    result = runner.invoke(args=["auth", "mail", *arguments, "--json"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def refused_mail(app: Application, alice: User, smtp_server: SmtpServer) -> str:
    """The id of a mail that the server will not take."""
    smtp_server.refused_recipients = {ALICE}
    password_reset.request_link(ALICE, TEST_CLIENT)
    delivery.run_once()
    entry_id = str(db.session.query(OutboxEntry).one().id)
    db.session.remove()
    return entry_id


def test_the_status_counts_what_waits_and_what_is_parked(runner: FlaskCliRunner, refused_mail: str) -> None:
    password_reset.request_link(MALLORY, TEST_CLIENT)

    status = answer(runner, "status")

    assert (status["waiting"], status["parked"]) == (1, 1)
    assert status["last_error"].startswith("mailbox refused: 550")
    assert ALICE not in status["last_error"]


def test_a_parked_mail_is_shown_without_its_link(runner: FlaskCliRunner, refused_mail: str) -> None:
    assert [mail["id"] for mail in answer(runner, "list", "--status", "parked")] == [refused_mail]

    shown = answer(runner, "show", refused_mail)

    assert (shown["status"], shown["recipient"], shown["param_reference"]) == ("parked", ALICE, "test")
    assert "token" not in json.dumps(shown)


def test_mails_are_found_by_address_and_kind(runner: FlaskCliRunner, alice: User) -> None:
    password_reset.request_link(MALLORY.upper(), TEST_CLIENT)
    password_reset.request_link(ALICE, TEST_CLIENT)
    runner.invoke(args=["auth", "user", "lock", ALICE, "--yes", "--tell"])

    def found(*options: str) -> list[tuple[str, str]]:
        return [(mail["recipient"].lower(), mail["kind"]) for mail in answer(runner, "list", *options)]

    assert found("--to", ALICE.title()) == [(ALICE, "account_state"), (ALICE, "reset_link")]
    assert found("--kind", "reset_link") == [(ALICE, "reset_link"), (MALLORY, "reset_link")]
    assert found("--to", MALLORY, "--kind", "reset_link", "--status", "waiting") == [(MALLORY, "reset_link")]
    assert found("--to", "nobody") == []
    assert runner.invoke(args=["auth", "mail", "list", "--kind", "love_letter"]).exit_code == 2


@pytest.mark.parametrize("which", ["one", "--failed"])
def test_a_parked_mail_goes_out_after_a_retry(
    runner: FlaskCliRunner, refused_mail: str, smtp_server: SmtpServer, which: str
) -> None:
    smtp_server.refused_recipients = set()

    assert answer(runner, "retry", refused_mail if which == "one" else which) == {"queued": 1}
    delivery.run_once()

    assert [mail.recipients for mail in smtp_server.wait_for(1)] == [(ALICE,)]
    assert answer(runner, "show", refused_mail)["status"] == "sent"


def test_a_cancelled_mail_stays_here(runner: FlaskCliRunner, refused_mail: str, smtp_server: SmtpServer) -> None:
    smtp_server.refused_recipients = set()
    assert answer(runner, "cancel", "--failed", "--dry-run") == {"mails": 1, "cancelled": False}

    assert answer(runner, "cancel", refused_mail, "--yes") == {"mails": 1, "cancelled": True}
    while delivery.run_once():
        pass

    assert answer(runner, "show", refused_mail)["status"] == "closed"
    assert smtp_server.messages == []
    assert runner.invoke(args=["auth", "mail", "retry", refused_mail]).exit_code == 3


def test_a_test_mail_arrives_at_once(runner: FlaskCliRunner, smtp_server: SmtpServer) -> None:
    assert answer(runner, "send-test", ALICE)["recipient"] == ALICE

    (mail,) = smtp_server.messages
    assert "test" in mail.text
    assert "test" in mail.html


def test_a_test_mail_tells_what_the_server_said(runner: FlaskCliRunner, smtp_server: SmtpServer) -> None:
    smtp_server.answer_to_data = "554 We do not like you"

    result = runner.invoke(args=["auth", "mail", "send-test", ALICE])

    assert result.exit_code == 1
    assert "554 We do not like you" in result.stderr


def test_an_outage_shows_in_the_status(runner: FlaskCliRunner, alice: User, smtp_server: SmtpServer) -> None:
    smtp_server.stop()
    password_reset.request_link(ALICE, TEST_CLIENT)
    with pytest.raises(ServerAway):
        delivery.run_once()

    assert "refused" in answer(runner, "status")["last_error"]


@pytest.mark.parametrize(
    "arguments", [["retry"], ["cancel"], ["retry", "--failed", "6f1b2b0e-0000-4000-8000-0123456789ab"]]
)
def test_which_mail_has_to_be_said(runner: FlaskCliRunner, arguments: list[str]) -> None:
    assert runner.invoke(args=["auth", "mail", *arguments]).exit_code == 2


def test_a_mail_that_does_not_exist_is_not_found(runner: FlaskCliRunner) -> None:
    assert runner.invoke(args=["auth", "mail", "show", "6f1b2b0e-0000-4000-8000-0123456789ab"]).exit_code == 3
