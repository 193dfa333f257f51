"""`auth audit` and `auth trace`: what happened, and what became of one request."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from flask import g
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import update

from chirp_auth.accounts import password_reset, registration, reset_links, sessions, sign_in
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
def test_an_address_has_its_attempts_its_resets_and_what_its_account_did(
    runner: FlaskCliRunner, alice: User, ask: Callable[[], str]
) -> None:
    token = ask()
    reset_links.note_opening(token, TEST_CLIENT)
    password_reset.reset_password(token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)
    session = sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT)
    sessions.sign_out(session, TEST_CLIENT)

    kinds = [event["kind"] for event in searched(runner, "--email", ALICE.upper())]

    resets = ["password_reset.done", "password_reset.opened", "password_reset.requested"]
    assert kinds[:2] == ["session.signed_out", "session.signed_in"]
    assert kinds[2:] == [*resets, "session.signed_in", "session.signed_in", "user.created"]


def test_resets_of_an_address_are_found_after_its_account_was_deleted(
    runner: FlaskCliRunner, alice: User, ask: Callable[[], str]
) -> None:
    token = ask()
    reset_links.note_opening(token, TEST_CLIENT)
    password_reset.reset_password(token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)
    runner.invoke(args=["auth", "reset", "revoke", ALICE, "--yes"])
    runner.invoke(args=["auth", "user", "delete", ALICE, "--yes"])

    kinds = {event["kind"] for event in searched(runner, "--email", ALICE, "--action", "password_reset")}

    assert kinds == {f"password_reset.{verb}" for verb in ("requested", "opened", "done", "links_voided")}


def test_a_deleted_account_is_found_by_its_id_with_the_attempts_on_it(
    runner: FlaskCliRunner, alice: User, delivered: Delivered
) -> None:
    for _ in range(2):
        password_reset.request_link(ALICE, TEST_CLIENT)
        delivered()  # Its event is written when a worker takes the promise.
        runner.invoke(args=["auth", "user", "delete", ALICE, "--yes"])

    kinds = [event["kind"] for event in searched(runner, "--user", str(alice.id))]

    assert kinds == ["user.deleted", "password_reset.requested", "user.created"], "not what came after the deletion"


def test_an_id_that_never_was_is_not_found(runner: FlaskCliRunner, alice: User) -> None:
    result = runner.invoke(args=["auth", "audit", "search", "--user", "6f1b2b0e-0000-4000-8000-0123456789ab"])

    assert result.exit_code == 3
    assert "No account has the address or id" in result.stderr


def test_an_account_and_an_address_are_not_searched_together(runner: FlaskCliRunner, alice: User) -> None:
    assert runner.invoke(args=["auth", "audit", "search", "--user", ALICE, "--email", ALICE]).exit_code == 2


@pytest.mark.parametrize("typed", ["2001:0DB8:0::7", "2001:db8::7"])
def test_events_are_found_by_the_address_they_came_from(runner: FlaskCliRunner, alice: User, typed: str) -> None:
    sign_in.sign_in(ALICE, PASSWORD, replace(TEST_CLIENT, ip="2001:db8::7"))

    assert [event["kind"] for event in searched(runner, "--ip", typed)] == ["session.signed_in"]
    assert [event["kind"] for event in searched(runner, "--ip", "::ffff:192.0.2.7")] == ["user.created"]
    assert runner.invoke(args=["auth", "audit", "search", "--ip", "here"]).exit_code == 2


@pytest.mark.usefixtures("busy_day")
@pytest.mark.parametrize("whose", [[], ["--user", ALICE], ["--email", ALICE]])
def test_pages_of_events_go_on_where_the_last_one_ended(runner: FlaskCliRunner, whose: list[str]) -> None:
    everything = searched(runner, *whose)
    pages = [searched(runner, *whose, "--limit", "2")]
    while pages[-1]:
        pages.append(searched(runner, *whose, "--limit", "2", "--before", str(pages[-1][-1]["id"])))

    assert [event for page in pages for event in page] == everything
    assert [len(page) for page in pages[:-1]] == [2] * (len(everything) // 2) + [1] * (len(everything) % 2)


def test_events_are_found_between_two_moments(runner: FlaskCliRunner, alice: User) -> None:
    times = [datetime(2026, 3, day, 12, tzinfo=UTC) for day in (1, 2, 3)]
    for at in times:
        with time_machine.travel(at, tick=False), pytest.raises(InvalidCredentials):
            sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT)

    def found(*options: str) -> list[str]:
        return [event["at"][:10] for event in searched(runner, *options, "--outcome", "wrong_password")]

    assert found("--until", "2026-03-02T12:00:00Z") == ["2026-03-01"]
    assert found("--since", "2026-03-02T13:00:00+01:00", "--until", "2026-03-03") == ["2026-03-02"]
    with time_machine.travel(datetime(2026, 3, 4, tzinfo=UTC), tick=False):
        assert found("--since", "2d", "--until", "1d") == ["2026-03-02"]
    exported = runner.invoke(args=["auth", "audit", "export", "--since", "2026-03-01", "--until", "2026-03-03"])
    assert [json.loads(line)["at"][:10] for line in exported.stdout.splitlines()] == ["2026-03-02", "2026-03-01"]


@pytest.mark.parametrize("text", ["", "yesterday", "7", "2026-13-01", "0001-01-01T00:00:00+14:00", "99999999d", "Z"])
def test_a_moment_that_is_none_is_refused_in_words(runner: FlaskCliRunner, alice: User, text: str) -> None:
    result = runner.invoke(args=["auth", "audit", "search", "--until", text])

    assert result.exit_code == 2
    assert "write a" in result.stderr or "at most" in result.stderr


def test_the_detail_is_an_object_in_json_and_text_elsewhere(runner: FlaskCliRunner, alice: User) -> None:
    runner.invoke(args=["auth", "user", "lock", ALICE, "--yes", "--reason", "stolen phone"])
    detail = {"ended": 0, "reason": "stolen phone"}

    def output(*arguments: str) -> str:
        return runner.invoke(args=["auth", *arguments]).stdout

    assert searched(runner, "--action", "user.locked")[0]["detail"] == detail
    assert json.loads(output("user", "show", ALICE, "--json"))["events"][0]["detail"] == detail
    assert json.loads(output("audit", "tail", "--limit", "1", "--json"))["detail"] == detail
    assert json.loads(output("audit", "export").splitlines()[0])["detail"] == detail
    table = next(csv.DictReader(io.StringIO(output("audit", "export", "--format", "csv"))))
    line = output("audit", "search", "--limit", "1").rstrip("\n").split("\t")[-1]
    assert json.loads(table["detail"]) == json.loads(line) == detail


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
