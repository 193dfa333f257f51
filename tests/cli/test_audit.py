"""`auth audit` and `auth trace`: what happened, and what became of one request."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import g
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import update

from chirp_auth.accounts import password_reset, registration, sign_in
from chirp_auth.accounts.registration import Applicant
from chirp_auth.errors import InvalidCredentials
from chirp_auth.extensions import db
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import OutboxEntry, User
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT, token_in

Delivered = Callable[[], list[Mail]]


def searched(runner: FlaskCliRunner, *options: str) -> list[dict[str, Any]]:
    result = runner.invoke(args=["auth", "audit", "search", "--json", *options])
    assert result.exit_code == 0, result.stderr
    events: list[dict[str, Any]] = json.loads(result.stdout)
    return events


def traced(runner: FlaskCliRunner, reference: str) -> list[str]:
    db.session.remove()
    result = runner.invoke(args=["auth", "trace", reference, "--json"])
    return [step["step"] for step in json.loads(result.stdout)]


def ask(client: FlaskClient, email: str) -> str:
    answer = client.post("/api/v1/auth/forgot-password", json={"email": email})
    g.pop("reference", None)  # The test's own context, which would give it to the next request too.
    return answer.headers["X-Request-Id"]


@pytest.fixture
def busy_day(alice: User) -> None:
    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    for email in (ALICE, MALLORY):
        with pytest.raises(InvalidCredentials):
            sign_in.sign_in(email, NEW_PASSWORD, TEST_CLIENT)


@pytest.mark.usefixtures("busy_day")
def test_events_are_found_by_user_kind_outcome_and_time(runner: FlaskCliRunner) -> None:
    assert [event["outcome"] for event in searched(runner, "--user", ALICE)] == ["wrong_password", "ok", "ok"]
    assert len(searched(runner, "--action", "session")) == 3
    assert [event["kind"] for event in searched(runner, "--outcome", "no_account")] == ["session.signed_in"]
    assert searched(runner, "--since", "1h") == searched(runner)


@pytest.mark.usefixtures("busy_day")
def test_attempts_on_an_address_are_found_without_an_account(runner: FlaskCliRunner) -> None:
    assert [event["outcome"] for event in searched(runner, "--email", MALLORY)] == ["no_account"]
    assert MALLORY not in runner.invoke(args=["auth", "audit", "search"]).stdout


@pytest.mark.usefixtures("busy_day")
def test_tail_ends_with_the_newest(runner: FlaskCliRunner) -> None:
    lines = runner.invoke(args=["auth", "audit", "tail", "--limit", "2", "--json"]).stdout.splitlines()

    assert [json.loads(line)["outcome"] for line in lines] == ["wrong_password", "no_account"]


def test_an_account_has_no_events_of_another_that_had_its_address(runner: FlaskCliRunner, alice: User) -> None:
    runner.invoke(args=["auth", "user", "delete", ALICE, "--yes"])
    registration.create(Applicant(ALICE, PASSWORD), TEST_CLIENT)

    assert [event["kind"] for event in searched(runner, "--user", ALICE)] == ["user.created"]
    assert len(searched(runner, "--email", ALICE)) == 3


@pytest.mark.usefixtures("busy_day")
def test_the_last_no_seconds_have_no_events(runner: FlaskCliRunner) -> None:
    assert json.loads(runner.invoke(args=["auth", "audit", "search", "--since", "0s", "--json"]).stdout) == []


@pytest.mark.usefixtures("busy_day")
def test_exports_have_every_event(runner: FlaskCliRunner) -> None:
    lines = runner.invoke(args=["auth", "audit", "export"]).stdout.splitlines()
    table = runner.invoke(args=["auth", "audit", "export", "--format", "csv"]).stdout

    assert [json.loads(line)["kind"] for line in lines] == [row["kind"] for row in csv.DictReader(io.StringIO(table))]
    assert len(lines) == 4


@pytest.mark.usefixtures("busy_day")
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_onto_a_full_disk_is_told_in_a_sentence(runner: FlaskCliRunner, form: str) -> None:
    result = runner.invoke(args=["auth", "audit", "export", "--format", form, "--output", "/dev/full"])

    assert result.exit_code == 1
    assert result.stderr == "Error: /dev/full could not be written: No space left on device.\n"


def test_a_request_is_traced_from_acceptance_to_use(
    runner: FlaskCliRunner, client: FlaskClient, alice: User, delivered: Delivered
) -> None:
    reference = ask(client, ALICE)
    before = traced(runner, reference)
    token = token_in(delivered()[0])
    client.get(f"/reset-password?token={token}")
    client.get(f"/reset-password?token={token}")
    opened = traced(runner, reference)
    password_reset.reset_password(token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)

    assert before == ["accepted", "queued", "waiting"]
    assert opened == ["accepted", "queued", "sent", "opened", "expires"]
    assert traced(runner, reference) == ["accepted", "queued", "sent", "opened", "used"]


def test_a_trace_tells_that_there_is_no_account(
    runner: FlaskCliRunner, client: FlaskClient, delivered: Delivered
) -> None:
    reference = ask(client, MALLORY)
    delivered()

    assert traced(runner, reference) == ["accepted", "queued", "no account"]


@pytest.mark.settings(rate_limits_enabled=False)
def test_a_trace_tells_that_the_address_had_its_mails(
    runner: FlaskCliRunner, client: FlaskClient, alice: User, delivered: Delivered
) -> None:
    for _ in range(4):
        reference = ask(client, ALICE)
        delivered()

    assert traced(runner, reference) == ["accepted", "queued", "limited"]


def test_a_trace_claims_no_time_for_what_nobody_wrote_down(
    runner: FlaskCliRunner, client: FlaskClient, alice: User
) -> None:
    reference = ask(client, ALICE)
    db.session.execute(update(OutboxEntry).values(due_at=None, last_error="554 We do not like you"))
    db.session.commit()

    result = runner.invoke(args=["auth", "trace", reference, "--json"])

    assert json.loads(result.stdout)[-1] == {"at": None, "step": "parked", "detail": "554 We do not like you"}


def test_a_trace_tells_what_was_opened_after_it_was_void(
    runner: FlaskCliRunner, client: FlaskClient, alice: User, delivered: Delivered
) -> None:
    reference = ask(client, ALICE)
    token = token_in(delivered()[0])
    runner.invoke(args=["auth", "reset", "revoke", ALICE, "--yes"])
    client.get(f"/reset-password?token={token}")

    assert traced(runner, reference) == ["accepted", "queued", "sent", "void", "opened"]


def test_an_unknown_reference_is_not_found(runner: FlaskCliRunner) -> None:
    assert runner.invoke(args=["auth", "trace", "0123456789abcdef"]).exit_code == 3
