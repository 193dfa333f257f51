"""`auth user`: listing, showing, opening, locking and ending accounts."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient, FlaskCliRunner

from chirp_auth.accounts import (
    account_recovery,
    password_change,
    password_reset,
    registration,
    reset_links,
    sessions,
    sign_in,
)
from chirp_auth.accounts.registration import Applicant
from chirp_auth.errors import InvalidCredentials, InvalidToken, LinkReplaced
from chirp_auth.extensions import db
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import SecurityEvent, Session, User
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT, token_in

Delivered = Callable[[], list[Mail]]


def listed(runner: FlaskCliRunner, *options: str) -> list[str]:
    result = runner.invoke(args=["auth", "user", "list", "--json", *options])
    assert result.exit_code == 0, result.stderr
    return [row["email"] for row in json.loads(result.stdout)]


@pytest.fixture
def people(alice: User) -> list[str]:
    """Alice and three younger accounts."""
    emails = [f"person{number}@example.org" for number in range(3)]
    for number, email in enumerate(emails):
        applicant = Applicant(email, PASSWORD, "Zoë", f"Number {number}", f"+9198765432{number}0")
        registration.create(applicant, TEST_CLIENT)
    return [*emails[::-1], ALICE]


def test_accounts_are_listed_newest_first(runner: FlaskCliRunner, people: list[str]) -> None:
    assert listed(runner) == people


def test_a_page_goes_on_after_the_last(runner: FlaskCliRunner, people: list[str]) -> None:
    first = listed(runner, "--limit", "2")

    assert first + listed(runner, "--after", first[-1]) == people


@pytest.mark.parametrize("text", ["person1@", "PERSON1@EXAMPLE", "number 1", "R 1", "oë Number 1", "98765432 10"])
def test_accounts_are_found_by_address_name_and_phone(runner: FlaskCliRunner, people: list[str], text: str) -> None:
    assert listed(runner, "--search", text) == ["person1@example.org"]


@pytest.mark.parametrize("text", ["%", "zoë % 1", "number zoë", "zoë 1"])
def test_signs_and_words_are_found_only_as_they_stand(runner: FlaskCliRunner, people: list[str], text: str) -> None:
    assert listed(runner, "--search", text) == []


def test_accounts_are_found_by_status(runner: FlaskCliRunner, people: list[str]) -> None:
    runner.invoke(args=["auth", "user", "lock", ALICE, "--yes"])

    assert listed(runner, "--status", "locked") == [ALICE]
    assert listed(runner, "--status", "active") == people[:-1]


def test_a_locked_account_is_shut(runner: FlaskCliRunner, alice: User, delivered: Delivered) -> None:
    session = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    password_reset.request_link(ALICE, TEST_CLIENT)
    token = token_in(delivered()[0])

    result = runner.invoke(args=["auth", "user", "lock", ALICE, "--yes", "--json", "--reason", "stolen phone"])

    assert json.loads(result.stdout) == {"id": str(alice.id), "ended": 1}
    db.session.expire_all()
    assert sessions.find(session.id) is None
    with pytest.raises(LinkReplaced):
        reset_links.check_link(token)
    with pytest.raises(InvalidCredentials):
        sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)


def test_an_unlocked_account_is_as_before_without_its_failures(runner: FlaskCliRunner, alice: User) -> None:
    for _ in range(6):
        with pytest.raises(InvalidCredentials):
            sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT)
    runner.invoke(args=["auth", "user", "lock", ALICE, "--yes"])

    assert runner.invoke(args=["auth", "user", "unlock", ALICE]).exit_code == 0

    db.session.expire_all()
    assert sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT).user_id == alice.id


def test_a_deleted_account_is_gone_and_its_events_stay(runner: FlaskCliRunner, alice: User) -> None:
    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)

    result = runner.invoke(args=["auth", "user", "delete", ALICE, "--yes"])

    assert result.exit_code == 0
    assert db.session.query(User).count() == db.session.query(Session).count() == 0
    kinds = [event.kind for event in db.session.query(SecurityEvent).order_by(SecurityEvent.id)]
    assert kinds[-1] == "user.deleted"


def test_a_dry_run_deletes_nothing(runner: FlaskCliRunner, alice: User) -> None:
    result = runner.invoke(args=["auth", "user", "delete", ALICE, "--dry-run", "--json"])

    assert json.loads(result.stdout)["deleted"] is False
    assert db.session.query(User).count() == 1


def test_a_new_address_is_to_be_confirmed_and_the_old_one_told(
    runner: FlaskCliRunner, alice: User, delivered: Delivered
) -> None:
    session = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)

    result = runner.invoke(args=["auth", "user", "set-email", ALICE, "alice@example.org", "--yes"])

    assert result.exit_code == 0
    mails = {mail.to: mail for mail in delivered()}
    assert "/verify-email?token=" in mails["alice@example.org"].text
    assert "support has given" in mails[ALICE].text
    assert sessions.find(session.id) is None
    changed = db.session.get_one(User, alice.id)
    assert (changed.email, changed.email_verified_at) == ("alice@example.org", None)


def test_the_old_address_can_take_an_operators_change_back(
    runner: FlaskCliRunner, alice: User, delivered: Delivered
) -> None:
    runner.invoke(args=["auth", "user", "set-email", ALICE, "alice@example.org", "--yes"])
    undo = token_in(next(mail for mail in delivered() if mail.to == ALICE))

    assert account_recovery.secure_account(undo, TEST_CLIENT) == ALICE

    db.session.expire_all()
    assert db.session.get_one(User, alice.id).email == ALICE


def test_without_undo_no_link_that_the_old_address_has_brings_the_account_back(
    runner: FlaskCliRunner, alice: User, delivered: Delivered
) -> None:
    password_change.change_password(
        sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT), PASSWORD, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT
    )
    undo = token_in(delivered()[0])

    runner.invoke(args=["auth", "user", "set-email", ALICE, "alice@example.org", "--yes", "--without-undo"])

    told = next(mail for mail in delivered() if mail.to == ALICE and "another email" in mail.text)
    assert not any("token=" in link for link in told.links)
    with pytest.raises(InvalidToken):
        account_recovery.secure_account(undo, TEST_CLIENT)


@pytest.mark.parametrize(("command", "words"), [("lock", "has locked"), ("unlock", "opened your")])
def test_the_owner_is_told_on_request_and_never_the_reason(
    runner: FlaskCliRunner, alice: User, delivered: Delivered, command: str, words: str
) -> None:
    runner.invoke(args=["auth", "user", command, ALICE, "--yes"])
    assert delivered() == []

    result = runner.invoke(args=["auth", "user", command, ALICE, "--yes", "--tell", "--reason", "a whisper"])

    assert result.exit_code == 0
    (mail,) = delivered()
    for part in (mail.text, mail.html):
        assert words in " ".join(part.split())
        assert "whisper" not in part


def test_an_address_in_use_is_refused(runner: FlaskCliRunner, people: list[str]) -> None:
    result = runner.invoke(args=["auth", "user", "set-email", ALICE, people[0], "--yes"])

    assert result.exit_code == 4
    assert "already exists" in result.stderr


def test_a_weak_password_opens_no_account(runner: FlaskCliRunner) -> None:
    result = runner.invoke(args=["auth", "user", "create", ALICE], input="password\n")

    assert result.exit_code == 4
    assert "password\n" not in result.stdout
    assert db.session.query(User).count() == 0


def test_an_invited_person_chooses_a_password(
    runner: FlaskCliRunner, client: FlaskClient, delivered: Delivered
) -> None:
    runner.invoke(args=["auth", "user", "create", ALICE, "--invite", "--first-name", "Alice"])
    mail = delivered()[0]

    assert "ready" in mail.subject
    assert "7 days" in mail.text
    password_reset.reset_password(token_in(mail), NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)
    assert sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT).user.email == ALICE


def test_show_tells_sessions_mails_and_events(runner: FlaskCliRunner, alice: User) -> None:
    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)

    shown: dict[str, Any] = json.loads(runner.invoke(args=["auth", "user", "show", str(alice.id), "--json"]).stdout)

    assert shown["email"] == ALICE
    assert [place["device"] for place in shown["sessions"]] == ["Firefox"]
    assert [event["kind"] for event in shown["events"]] == ["session.signed_in", "user.created"]
    assert "password_hash" not in shown
