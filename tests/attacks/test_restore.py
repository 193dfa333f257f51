"""What a restored backup brings back to life, and that `auth restored` ends it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import delete, insert, select

from chirp_auth.accounts import address_change, password_reset, reset_links, sessions, sign_in
from chirp_auth.admin import accounts, audit_trail
from chirp_auth.cli._common.prompts import system_user
from chirp_auth.errors import InvalidCredentials, InvalidToken, LinkReplaced
from chirp_auth.extensions import Model, db
from chirp_auth.mail import mailbox
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import OutboxEntry, SecurityEvent, User
from chirp_auth.security.client import Client
from tests.cli.conftest import quiet_logs  # noqa: F401 - a fixture that every test here has
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT, token_in
from tests.support.visitor import bearer, login
from tests.support.visitor import sign_in as sign_in_form

Backup = dict[str, list[dict[str, Any]]]
Delivered = Callable[[], list[Mail]]
RESTORED = ["auth", "restored", "--yes"]
OPERATOR = Client("cli", actor="test")


def back_up() -> Backup:
    tables = Model.metadata.sorted_tables
    backup = {table.name: [dict(row) for row in db.session.execute(select(table)).mappings()] for table in tables}
    db.session.commit()
    return backup


def restore(backup: Backup) -> None:
    """Put all rows back as they were, as a database's own tool does."""
    db.session.remove()
    for table in reversed(Model.metadata.sorted_tables):
        db.session.execute(delete(table))
    for table in Model.metadata.sorted_tables:
        if backup[table.name]:
            db.session.execute(insert(table), backup[table.name])
    db.session.commit()


def test_sessions_that_were_ended_do_not_live_again(runner: FlaskCliRunner, client: FlaskClient, alice: User) -> None:
    sign_in_form(client)
    token = login(client).get_json()
    backup = back_up()
    accounts.end_sessions(alice, OPERATOR)
    assert _places(client, token) == (303, 401, 401)
    restore(backup)
    assert _places(client, token)[:2] == (200, 200)

    assert runner.invoke(args=RESTORED).exit_code == 0

    assert _places(client, token) == (303, 401, 401)


def _places(client: FlaskClient, token: dict[str, Any]) -> tuple[int, int, int]:
    """Ask with a copy of a browser's cookie, with an access token and with a refresh token."""
    cookie = client.get_cookie("session")
    assert cookie
    copy = client.application.test_client()
    copy.set_cookie("session", cookie.value)
    headers = bearer(token["access_token"])
    api = "/api/v1/auth"
    return (
        copy.get("/change-password").status_code,
        client.get(f"{api}/me", headers=headers).status_code,
        client.post(f"{api}/refresh", json={"refresh_token": token["refresh_token"]}).status_code,
    )


def test_a_link_that_was_used_opens_nothing_again(runner: FlaskCliRunner, ask: Callable[[], str]) -> None:
    token = ask()
    backup = back_up()
    password_reset.reset_password(token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)
    restore(backup)
    assert reset_links.check_link(token).used_at is None

    runner.invoke(args=RESTORED)

    db.session.expire_all()
    with pytest.raises(LinkReplaced):
        password_reset.reset_password(token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)


def test_a_mail_that_was_sent_is_not_sent_again(runner: FlaskCliRunner, alice: User, delivered: Delivered) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)
    accounts.lock(alice, None, OPERATOR, tell=True)
    backup = back_up()
    assert len(delivered()) == 1
    restore(backup)
    mailbox.clear()

    runner.invoke(args=RESTORED)

    assert delivered() == []
    states = {entry.last_error for entry in db.session.query(OutboxEntry)}
    assert states == {f"cancelled after a restore by {system_user()}"}


def test_mails_go_out_once_more_where_the_operator_wants_it(
    runner: FlaskCliRunner, alice: User, delivered: Delivered
) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)
    runner.invoke(args=[*RESTORED, "--keep-mail"])

    assert reset_links.check_link(token_in(delivered()[0])).user.email == ALICE


def test_a_notice_of_a_deletion_is_cancelled_without_its_recipient(runner: FlaskCliRunner, alice: User) -> None:
    accounts.delete(alice, OPERATOR)

    runner.invoke(args=RESTORED)

    assert [entry.recipient for entry in db.session.query(OutboxEntry)] == [""]


def test_a_change_of_address_is_not_confirmed_by_its_old_mail(
    runner: FlaskCliRunner, alice: User, delivered: Delivered
) -> None:
    session = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    address_change.request_change(session, PASSWORD, "alice@example.org", TEST_CLIENT)
    token = token_in(delivered()[0])

    runner.invoke(args=RESTORED)

    db.session.expire_all()
    with pytest.raises(InvalidToken):
        address_change.confirm_change(token, TEST_CLIENT)


def test_a_known_browser_is_unknown_again(runner: FlaskCliRunner, client: FlaskClient, alice: User) -> None:
    sign_in_form(client)
    runner.invoke(args=RESTORED)
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT)

    assert sign_in_form(client).status_code not in (302, 303)


@pytest.mark.settings(rate_limits_enabled=False)
def test_a_password_that_was_replaced_is_good_again_unless_all_are_taken_away(
    runner: FlaskCliRunner, ask: Callable[[], str]
) -> None:
    token = ask()
    backup = back_up()
    password_reset.reset_password(token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)
    restore(backup)

    runner.invoke(args=RESTORED)
    assert sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT).user.email == ALICE
    runner.invoke(args=[*RESTORED, "--forget-passwords"])

    with pytest.raises(InvalidCredentials):
        sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    password_reset.reset_password(ask(), NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)
    assert sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT).user.email == ALICE


def test_every_version_rises(runner: FlaskCliRunner, alice: User) -> None:
    runner.invoke(args=["auth", "user", "create", MALLORY], input=f"{PASSWORD}\n")
    before = {user.email: user.credential_version for user in db.session.query(User)}

    runner.invoke(args=RESTORED)

    db.session.expire_all()
    after = {user.email: user.credential_version for user in db.session.query(User)}
    assert after == {email: version + 1 for email, version in before.items()}
    assert len(after) == 2


def test_it_asks_first_and_a_dry_run_ends_nothing(runner: FlaskCliRunner, alice: User) -> None:
    session_id = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT).id

    assert runner.invoke(args=["auth", "restored"]).exit_code == 2
    dry = runner.invoke(args=["auth", "restored", "--dry-run", "--json"])

    assert json.loads(dry.stdout) == {
        "accounts": 1,
        "sessions": 1,
        "links": 0,
        "mails": 0,
        "devices": 0,
        "address_changes": 0,
        "recoveries": 0,
        "passwords": 0,
        "passkeys": 0,
        "ended": False,
    }
    assert sessions.find(session_id)


def test_it_is_on_record_with_what_it_ended(runner: FlaskCliRunner, alice: User) -> None:
    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)

    told = json.loads(runner.invoke(args=["auth", "--as", "carol", "restored", "--yes", "--json"]).stdout)

    event = db.session.query(SecurityEvent).filter_by(kind="records.restored").one()
    assert event.actor == f"{system_user()} (as: carol)"
    assert {**(event.detail or {}), "ended": True} == told
    assert told["sessions"] == 1
    audit_trail.seal_events()
    assert audit_trail.verify().problems == []
