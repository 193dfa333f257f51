"""Password reset: what asking for a link and using one do, to whom, and how often."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from sqlalchemy import event, func, select, update

from chirp_auth.accounts import password_change, password_reset, sessions, sign_in
from chirp_auth.admin import support_links
from chirp_auth.clock import now
from chirp_auth.errors import (
    InvalidCredentials,
    InvalidEmail,
    InvalidToken,
    PasswordMismatch,
    PasswordTooWeak,
    ServiceBusy,
    TokenAlreadyUsed,
    TokenExpired,
)
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import OutboxEntry, SecurityEvent, User
from chirp_auth.security.hash_queue import HashQueue
from config import Settings
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT, events
from tests.support.together import OK, in_processes, in_threads

Ask = Callable[[], str]
Delivered = Callable[[], list[Mail]]

MANY_THREADS = {"web_threads": 44}  # A connection for each of them.


def reset(token: str, password: str = NEW_PASSWORD) -> password_reset.PasswordReset:
    done = password_reset.reset_password(token, password, password, TEST_CLIENT)
    db.session.remove()  # What follows is another request.
    return done


def test_a_link_gives_a_new_password(alice: User, ask: Ask) -> None:
    reset(ask())

    assert sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT).user_id == alice.id
    with pytest.raises(InvalidCredentials):
        sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)


@pytest.mark.settings(conceal_accounts=True)
def test_a_mailed_link_proves_the_address_too(alice: User, ask: Ask) -> None:
    db.session.execute(update(User).values(email_verified_at=None))
    db.session.commit()

    reset(ask())

    assert sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT).user.email_verified_at


@pytest.mark.settings(conceal_accounts=True)
def test_a_link_that_an_operator_read_out_proves_no_address(alice: User) -> None:
    db.session.execute(update(User).values(email_verified_at=None))
    db.session.commit()

    reset(support_links.create_link(alice, TEST_CLIENT).url.partition("token=")[2])

    with pytest.raises(InvalidCredentials):
        sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT)


def test_a_used_link_is_refused(ask: Ask) -> None:
    token = ask()
    reset(token)

    with pytest.raises(TokenAlreadyUsed):
        reset(token, PASSWORD)


def test_an_expired_link_is_refused(ask: Ask) -> None:
    token = ask()

    with time_machine.travel(now() + timedelta(minutes=61)), pytest.raises(TokenExpired):
        reset(token)
    with time_machine.travel(now() + timedelta(minutes=59)):
        reset(token)


def test_a_refusal_is_recorded(ask: Ask) -> None:
    token = ask()
    reset(token)

    for refused in (token, "no token of ours"):
        with pytest.raises((TokenAlreadyUsed, InvalidToken)):
            reset(refused)

    assert events("password_reset.refused") == ["token_already_used", "invalid_token"]


def test_a_typing_mistake_leaves_the_link_good(ask: Ask) -> None:
    token = ask()

    with pytest.raises(PasswordMismatch):
        password_reset.reset_password(token, NEW_PASSWORD, PASSWORD, TEST_CLIENT)
    with pytest.raises(PasswordTooWeak):
        reset(token, "password")

    assert events("password_reset.refused") == ["password_mismatch", "password_too_weak"]
    reset(token)


def test_a_reset_ends_every_session_and_opens_none(alice: User, ask: Ask) -> None:
    stolen, own = (sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT) for _ in range(2))

    done = reset(ask())

    assert done.ended_sessions == 2
    assert sessions.find(stolen.id) is None
    assert sessions.find(own.id) is None
    assert sessions.living(alice) == []


def test_a_reset_clears_the_failures(alice: User, ask: Ask) -> None:
    for _ in range(6):
        with pytest.raises(InvalidCredentials):
            sign_in.sign_in(ALICE, "not the password", TEST_CLIENT)
    with pytest.raises(InvalidCredentials):
        sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)

    reset(ask())

    sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT)
    alice = db.session.get_one(User, alice.id)
    assert (alice.failed_sign_ins, alice.sign_in_blocked_until) == (0, None)


def test_a_reset_is_confirmed_by_mail_and_recorded(alice: User, ask: Ask, delivered: Delivered) -> None:
    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    reset(ask())

    confirmation = delivered()[0]

    assert confirmation.subject == "Password Reset Successful - Chirpworks"
    assert confirmation.to == ALICE
    assert events("password_reset.done") == ["ok"]
    alice = db.session.get_one(User, alice.id)
    assert (alice.password_reset_count, alice.credential_version) == (1, 2)


def test_asking_for_a_link_leaves_one_entry_alone(app: Application) -> None:
    password_reset.request_link(f"  {MALLORY} ", TEST_CLIENT)

    (entry,) = db.session.scalars(select(OutboxEntry))
    assert (entry.kind, entry.recipient, entry.user_id) == ("reset_link", MALLORY, None)
    assert db.session.scalars(select(SecurityEvent)).all() == []


def test_what_is_no_address_is_refused_and_promises_nothing(app: Application) -> None:
    for text in ("", "alice", "alice@", "a@b@example.com", "alice@exam\0ple.com", "\ud800@example.com", "a" * 10_000):
        with pytest.raises(InvalidEmail):
            password_reset.request_link(text, TEST_CLIENT)

    assert db.session.scalar(select(func.count()).select_from(OutboxEntry)) == 0


def test_asking_reads_no_account(alice: User) -> None:
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))

    password_reset.request_link(ALICE, TEST_CLIENT)

    assert statements
    assert not [statement for statement in statements if "users" in statement]


def test_nobody_gets_mail_for_an_address_without_account(alice: User, delivered: Delivered) -> None:
    password_reset.request_link(MALLORY, TEST_CLIENT)

    assert delivered() == []
    assert delivered() == []


def test_an_address_is_found_however_it_is_written(alice: User, delivered: Delivered) -> None:
    password_reset.request_link(" Alice@EXAMPLE.com", TEST_CLIENT)

    assert [mail.to for mail in delivered()] == [ALICE]


def test_three_mails_an_hour_then_silence_on_record(alice: User, delivered: Delivered) -> None:
    for _ in range(5):
        password_reset.request_link(ALICE, TEST_CLIENT)

    assert len(delivered()) == 3
    assert events("password_reset.withheld") == ["too_many_mails"] * 2
    assert delivered()[0].id == delivered()[0].id, "silence is final: nothing comes later"

    with time_machine.travel(now() + timedelta(minutes=61)):
        password_reset.request_link(ALICE, TEST_CLIENT)
        assert len(delivered()) == 4


def test_the_last_link_stays_good_in_the_silence(alice: User, ask: Ask) -> None:
    token = [ask() for _ in range(3)][-1]

    assert ask() == token, "the newest mail is still the third"
    reset(token)


def test_a_new_link_can_be_had_for_an_old_one(ask: Ask, delivered: Delivered) -> None:
    old = ask()

    with time_machine.travel(now() + timedelta(hours=2)):
        assert password_reset.renew_link(old, TEST_CLIENT) == ALICE
        assert len(delivered()) == 2
    with pytest.raises(InvalidToken):
        password_reset.renew_link("no token of ours", TEST_CLIENT)


def test_mail_that_cannot_be_sent_fails_no_reset(alice: User, ask: Ask, delivered: Delivered) -> None:
    token = ask()
    db.session.get_one(User, alice.id).email = "no address any more"
    db.session.commit()

    reset(token)

    assert len(delivered()) == 1, "the link alone: its confirmation cannot be composed"
    sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT)


@pytest.mark.settings(**MANY_THREADS)
def test_of_twenty_resets_at_once_one_wins(app: Application, alice: User, ask: Ask) -> None:
    token = ask()

    outcomes = in_threads(app, [partial(reset, token, f"{NEW_PASSWORD} {place}") for place in range(20)])

    assert sorted(outcomes) == ["TokenAlreadyUsed"] * 19 + [OK]
    winner = f"{NEW_PASSWORD} {outcomes.index(OK)}"
    assert sign_in.sign_in(ALICE, winner, TEST_CLIENT).user_id == alice.id
    assert events("password_reset.done") == ["ok"]


def test_of_resets_in_several_processes_one_wins(settings: Settings, ask: Ask) -> None:
    token = ask()

    outcomes = in_processes(settings, 3, reset, token)

    assert sorted(outcomes) == ["TokenAlreadyUsed"] * 2 + [OK]


@pytest.mark.settings(**MANY_THREADS)
def test_a_change_that_races_a_reset_leaves_one_winner(app: Application, alice: User, ask: Ask) -> None:
    changed, by_link = f"{NEW_PASSWORD} changed", f"{NEW_PASSWORD} by link"
    token, session = ask(), sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)

    def change() -> None:
        mine = sessions.find(session.id)
        if mine is None:  # The reset had ended it before we came.
            raise InvalidCredentials
        password_change.change_password(mine, PASSWORD, changed, changed, TEST_CLIENT)

    outcomes = in_threads(app, [change, lambda: reset(token, by_link)])

    assert outcomes in ([OK, "LinkReplaced"], ["InvalidCredentials", OK])
    db.session.remove()
    sign_in.sign_in(ALICE, changed if outcomes[0] == OK else by_link, TEST_CLIENT)
    assert sessions.find(session.id) is None or outcomes[0] == OK


def test_a_reset_that_finds_the_queue_full_keeps_its_link(app: Application, ask: Ask) -> None:
    token = ask()
    app.extensions["hash_queue"] = queue = HashQueue(slots=1, max_wait=timedelta())

    with queue.slot("others"), pytest.raises(ServiceBusy):
        reset(token)

    reset(token)
