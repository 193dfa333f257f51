"""`auth reset` and `auth session`: helping people in, and putting everybody out."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from click.testing import Result
from flask.testing import FlaskCliRunner
from sqlalchemy import update

from chirp_auth.accounts import password_reset, reset_links, sessions, sign_in
from chirp_auth.admin import invitations, support_links
from chirp_auth.clock import now
from chirp_auth.errors import LinkReplaced, TokenExpired
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail import outbox
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import PasswordResetToken, SecurityEvent, User
from chirp_auth.worker import composers
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT, token_in
from tests.support.together import OK, in_threads

Delivered = Callable[[], list[Mail]]


def shown_link(runner: FlaskCliRunner) -> str:
    result = runner.invoke(args=["auth", "reset", "link", ALICE, "--yes"])
    assert result.exit_code == 0
    return result.stdout.strip().partition("token=")[2]


def test_a_sent_link_arrives(runner: FlaskCliRunner, alice: User, delivered: Delivered) -> None:
    assert runner.invoke(args=["auth", "reset", "send", ALICE]).exit_code == 0

    assert reset_links.check_link(token_in(delivered()[0])).user_id == alice.id


def test_what_would_be_withheld_is_refused_at_once(runner: FlaskCliRunner, alice: User, delivered: Delivered) -> None:
    def send() -> int:
        result = runner.invoke(args=["auth", "reset", "send", ALICE])
        assert ("auth reset link" in result.stderr) == (result.exit_code == 4)
        return result.exit_code

    assert [send(), send()] == [0, 0]
    delivered()
    assert [send(), send()] == [0, 4], "two were mailed, one is waiting"
    delivered()
    assert send() == 4

    with time_machine.travel(now() + timedelta(minutes=61), tick=False):
        assert send() == 0


def test_a_locked_account_is_sent_no_link_and_the_operator_told(runner: FlaskCliRunner, alice: User) -> None:
    runner.invoke(args=["auth", "user", "lock", ALICE, "--yes"])
    db.session.remove()

    for command in (["send"], ["link", "--yes"]):
        result = runner.invoke(args=["auth", "reset", *command, ALICE])
        assert result.exit_code == 4
        assert "unlock" in result.stderr


def test_a_shown_link_works_and_is_on_record_without_its_token(runner: FlaskCliRunner, alice: User) -> None:
    token = shown_link(runner)

    password_reset.reset_password(token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)

    event = db.session.query(SecurityEvent).filter_by(kind="password_reset.link_shown").one()
    assert (event.user_id, event.face) == (alice.id, "cli")
    assert token not in json.dumps([str(vars(event)) for event in db.session.query(SecurityEvent)])


def test_a_shown_link_lives_for_a_quarter_of_an_hour(runner: FlaskCliRunner, alice: User) -> None:
    token = shown_link(runner)

    with time_machine.travel(now() + timedelta(minutes=15, seconds=1), tick=False), pytest.raises(TokenExpired):
        reset_links.check_link(token)


def test_a_shown_link_voids_the_mailed_one(runner: FlaskCliRunner, alice: User, delivered: Delivered) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)
    mailed = token_in(delivered()[0])

    shown_link(runner)

    with pytest.raises(LinkReplaced):
        reset_links.check_link(mailed)


@pytest.mark.parametrize("whose", [ALICE, "--all"])
def test_revoked_links_are_void(runner: FlaskCliRunner, alice: User, delivered: Delivered, whose: str) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)
    token = token_in(delivered()[0])

    dry = runner.invoke(args=["auth", "reset", "revoke", whose, "--dry-run", "--json"])
    assert json.loads(dry.stdout) == {"links": 1, "mails": 0, "voided": False}
    assert reset_links.check_link(token).user_id == alice.id
    result = runner.invoke(args=["auth", "reset", "revoke", whose, "--yes", "--json"])

    assert json.loads(result.stdout) == {"links": 1, "mails": 0, "voided": True}
    db.session.expire_all()
    with pytest.raises(LinkReplaced):
        reset_links.check_link(token)


@pytest.mark.parametrize("whose", [ALICE, "--all"])
def test_links_that_are_only_promised_are_never_sent(
    runner: FlaskCliRunner, alice: User, delivered: Delivered, whose: str
) -> None:
    password_reset.request_link(ALICE.title(), TEST_CLIENT)
    invitations.invite(MALLORY, None, None, None, TEST_CLIENT)
    promised = 1 if whose == ALICE else 2

    dry = runner.invoke(args=["auth", "reset", "revoke", whose, "--dry-run", "--json"])
    assert json.loads(dry.stdout) == {"links": 0, "mails": promised, "voided": False}
    result = runner.invoke(args=["auth", "reset", "revoke", whose, "--yes"])

    assert result.stdout == f"Voided 0 links, cancelled {promised} mail{'s' if promised > 1 else ''}.\n"
    assert len(delivered()) == 2 - promised


@pytest.mark.parametrize("everybody", [False, True])
def test_no_link_slips_out_while_links_are_revoked(app: Application, alice: User, everybody: bool) -> None:
    whose = None if everybody else alice

    for _ in range(5):
        password_reset.request_link(ALICE, TEST_CLIENT)
        (entry,) = outbox.claim(1)
        db.session.commit()
        revoking = partial(support_links.revoke_links, whose, TEST_CLIENT)

        composed, revoked = in_threads(app, [partial(composers.compose, entry), revoking])

        assert composed in (OK, "NotSent")
        assert revoked == OK

        assert support_links.count_usable(None) == support_links.count_promised(None) == 0
        db.session.execute(update(PasswordResetToken).values(created_at=now() - timedelta(days=1)))  # a fresh hour
        db.session.commit()


@pytest.mark.parametrize("whose", [ALICE, "--all-users"])
def test_revoked_sessions_are_over(runner: FlaskCliRunner, alice: User, whose: str) -> None:
    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    places = json.loads(runner.invoke(args=["auth", "session", "list", ALICE, "--json"]).stdout)

    result = runner.invoke(args=["auth", "session", "revoke", whose, "--yes", "--json"])

    assert [place["device"] for place in places] == ["Firefox"]
    assert json.loads(result.stdout) == {"sessions": 1, "ended": True}
    assert json.loads(runner.invoke(args=["auth", "session", "list", ALICE, "--json"]).stdout) == []


def test_one_session_ends_by_its_id_and_the_others_stay(runner: FlaskCliRunner, alice: User) -> None:
    stolen, kept = (sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT).id for _ in range(2))

    def revoke(*options: str) -> Result:
        return runner.invoke(args=["auth", "session", "revoke", "--id", str(stolen), "--json", *options])

    assert revoke().exit_code == 2, "there is no terminal to ask at"
    assert json.loads(revoke("--dry-run").stdout) == {"sessions": 1, "ended": False}
    assert json.loads(revoke("--yes").stdout) == {"sessions": 1, "ended": True}

    db.session.expire_all()
    assert (sessions.find(stolen), sessions.find(kept) is not None) == (None, True)
    event = db.session.query(SecurityEvent).filter_by(kind="session.ended").one()
    assert (event.user_id, event.face, event.outcome) == (alice.id, "cli", "ok")
    assert revoke("--yes").exit_code == 3, "it is over"


@pytest.mark.parametrize(
    "arguments",
    [
        *(["reset", "revoke"], ["session", "revoke"], ["user", "lock"]),
        ["reset", "revoke", "--all", ALICE],
        ["reset", "revoke", "--from", "-", ALICE],
        ["session", "revoke", "--all-users", "--id", "6f1b2b0e-0000-4000-8000-0123456789ab"],
        ["user", "lock", "--from", "-", ALICE],
    ],
)
def test_whose_has_to_be_said_once(runner: FlaskCliRunner, arguments: list[str]) -> None:
    assert runner.invoke(args=["auth", *arguments]).exit_code == 2
