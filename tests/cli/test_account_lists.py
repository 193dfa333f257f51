"""`user lock`, `session revoke` and `reset revoke` of many accounts, from a file or standard input."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask.testing import FlaskCliRunner

from chirp_auth import audit
from chirp_auth.accounts import password_reset, reset_links, sessions, sign_in
from chirp_auth.admin import account_list, bulk_changes, invitations, support_links
from chirp_auth.cli._common.prompts import system_user
from chirp_auth.errors import InvalidCredentials, LinkReplaced
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import SecurityEvent, Session, User
from tests.conftest import ALICE, MALLORY, PASSWORD, TEST_CLIENT, token_in

Delivered = Callable[[], list[Mail]]
NOBODY = "6f1b2b0e-0000-4000-8000-0123456789ab"
COMMANDS = {"lock": ["user", "lock"], "sessions": ["session", "revoke"], "links": ["reset", "revoke"]}


def run(runner: FlaskCliRunner, command: str, *lines: str, options: tuple[str, ...] = ("--yes",)) -> Result:
    db.session.remove()
    arguments = ["auth", *COMMANDS[command], "--from", "-", "--json", *options]
    return runner.invoke(args=arguments, input="".join(f"{line}\n" for line in lines))


def counts(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def add_people(number: int) -> list[User]:
    people = [User(email=f"person{n}@example.org", email_key=f"person{n}@example.org") for n in range(number)]
    db.session.add_all(people)
    db.session.commit()
    return people


def recorded(kind: str) -> list[SecurityEvent]:
    db.session.remove()
    return db.session.query(SecurityEvent).filter_by(kind=kind).order_by(SecurityEvent.id).all()


def test_listed_accounts_are_shut_and_each_is_on_record(
    runner: FlaskCliRunner, alice: User, delivered: Delivered
) -> None:
    (other,) = add_people(1)
    session = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    password_reset.request_link(ALICE, TEST_CLIENT)
    token = token_in(delivered()[0])

    result = run(runner, "lock", ALICE.upper(), "", str(other.id), options=("--yes", "--reason", "break-in", "--tell"))

    assert (result.exit_code, result.stderr) == (0, "")
    assert counts(result) == {"accounts": 2, "unchanged": 0, "unknown": 0, "ended": 1, "dry_run": False}
    assert sessions.find(session.id) is None
    with pytest.raises(LinkReplaced):
        reset_links.check_link(token)
    with pytest.raises(InvalidCredentials):
        sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    events = {event.user_id: event for event in recorded("user.locked")}
    assert {user_id: event.detail for user_id, event in events.items()} == {
        alice.id: {"reason": "break-in", "ended": 1},
        other.id: {"reason": "break-in", "ended": 0},
    }
    assert {event.actor for event in events.values()} == {system_user()}
    assert events[alice.id].email_digest == audit.digest(ALICE)
    told = [mail.to for mail in delivered() if "has locked" in " ".join(mail.text.split())]
    assert sorted(told) == [ALICE, other.email]


@pytest.mark.parametrize("command", ["sessions", "links"])
def test_listed_accounts_lose_their_sessions_or_their_links(
    runner: FlaskCliRunner, alice: User, delivered: Delivered, command: str
) -> None:
    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    password_reset.request_link(ALICE, TEST_CLIENT)
    token = token_in(delivered()[0])
    password_reset.request_link(ALICE.title(), TEST_CLIENT)
    invitations.invite(MALLORY, None, None, None, TEST_CLIENT)
    add_people(1)

    result = run(runner, command, ALICE, MALLORY, "person0@example.org")

    if command == "sessions":
        expected = {"accounts": 1, "unchanged": 2, "unknown": 0, "ended": 1, "dry_run": False}
        assert db.session.query(Session).filter(Session.revoked_at.is_(None)).count() == 0
        assert reset_links.check_link(token).user_id == alice.id
        details = [event.detail for event in recorded("session.ended_all")]
        assert details == [{"ended": 1}]
    else:
        expected = {"accounts": 2, "unchanged": 1, "unknown": 0, "voided": 1, "cancelled": 2, "dry_run": False}
        assert db.session.query(Session).filter(Session.revoked_at.is_(None)).count() == 1
        assert support_links.count_usable(None) == support_links.count_promised(None) == 0
        details = [event.detail for event in recorded("password_reset.links_voided")]
        assert details == [{"voided": 1, "cancelled": 1}, {"voided": 0, "cancelled": 1}]
    assert counts(result) == expected


@pytest.mark.parametrize("command", COMMANDS)
def test_a_dry_run_counts_the_same_and_changes_nothing(
    runner: FlaskCliRunner, alice: User, delivered: Delivered, command: str
) -> None:
    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    password_reset.request_link(ALICE, TEST_CLIENT)
    delivered()
    password_reset.request_link(ALICE, TEST_CLIENT)
    people = add_people(3)
    events = db.session.query(SecurityEvent).count()
    lines = (ALICE, people[0].email, NOBODY)

    dry = run(runner, command, *lines, options=("--dry-run",))
    unchanged = db.session.query(SecurityEvent).count() == events
    real = run(runner, command, *lines)

    assert unchanged
    assert (dry.exit_code, real.exit_code) == (3, 3)
    assert counts(dry) == {**counts(real), "dry_run": True}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_repeated_run_changes_and_records_nothing_twice(runner: FlaskCliRunner, alice: User, command: str) -> None:
    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    password_reset.request_link(ALICE, TEST_CLIENT)
    first = counts(run(runner, command, ALICE, ALICE))
    events = db.session.query(SecurityEvent).count()

    again = run(runner, command, ALICE)

    assert (first["accounts"], first["unchanged"]) == (1, 1), "it was named twice"
    assert (again.exit_code, counts(again)["accounts"], counts(again)["unchanged"]) == (0, 0, 1)
    assert db.session.query(SecurityEvent).count() == events


def test_lines_without_an_account_are_named_by_number_and_the_rest_is_done(
    runner: FlaskCliRunner, alice: User, tmp_path: Path
) -> None:
    path = tmp_path / "stolen.txt"
    path.write_bytes(
        b"\xef\xbb\xbf" + f"{ALICE}\r\n\r\n{MALLORY}\n\xff\n{NOBODY}\n{'x' * 5000}\n\x00".encode("latin-1")
    )
    db.session.remove()

    result = runner.invoke(args=["auth", "user", "lock", "--from", str(path), "--yes"])

    assert result.exit_code == 3
    assert result.stderr == "".join(f"line {n}: no account has this address or id\n" for n in (3, 4, 5, 6, 7))
    assert result.stdout == "Changed 1 account (ended 0), left 0 as they were; 5 lines without an account.\n"
    assert MALLORY not in result.output
    assert db.session.get_one(User, alice.id).disabled_at


def test_a_stopped_run_keeps_whole_batches_and_goes_on_when_repeated(app: Application, alice: User) -> None:
    people = [user.email for user in add_people(1200)]
    seen: list[int] = []

    def stop_after_two(lines: int) -> None:
        seen.append(lines)
        if len(seen) == 2:
            raise KeyboardInterrupt

    def locked() -> int:
        db.session.remove()
        return db.session.query(User).filter(User.disabled_at.is_not(None)).count()

    change = bulk_changes.locking("break-in")
    with pytest.raises(KeyboardInterrupt):
        account_list.change_all(change, enumerate(people, 1), TEST_CLIENT, seen.append, stop_after_two)
    assert (locked(), len(recorded("user.locked"))) == (1000, 1000)

    result = account_list.change_all(change, enumerate(people, 1), TEST_CLIENT, seen.append)

    assert (result["accounts"], result["unchanged"], result["unknown"]) == (200, 1000, 0)
    assert (locked(), len(recorded("user.locked"))) == (1200, 1200)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_list_from_standard_input_wants_yes(runner: FlaskCliRunner, alice: User, command: str) -> None:
    events = db.session.query(SecurityEvent).count()

    result = run(runner, command, ALICE, options=())

    assert (result.exit_code, result.stdout) == (2, "")
    assert "--yes" in result.stderr
    assert db.session.query(SecurityEvent).count() == events


def test_a_file_that_is_not_there_is_a_usage_error(runner: FlaskCliRunner, tmp_path: Path) -> None:
    assert runner.invoke(args=["auth", "user", "lock", "--from", str(tmp_path / "none"), "--yes"]).exit_code == 2
