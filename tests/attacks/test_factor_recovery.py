"""Attacks on second factors by way of their recovery: by a mailed link alone, by a thief with the mailbox, at once."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import event, func, select, update

from chirp_auth import create_app
from chirp_auth.accounts import account_recovery, known_devices, password_reset, sessions, sign_in
from chirp_auth.accounts.factors import factor_recovery, factor_recovery_end, second_factor
from chirp_auth.admin import accounts, factors, support_links
from chirp_auth.clock import now
from chirp_auth.errors import SecondFactorRequired
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import AuthenticatorApp, FactorRecovery, OutboxEntry, Passkey, RecoveryCode, Session, User
from chirp_auth.security import tokens
from chirp_auth.security.client import Client
from config import Settings
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT, events, token_in
from tests.support.factors import code_for, with_authenticator, with_passkey
from tests.support.together import OK, in_threads
from tests.support.visitor import bearer, login, post_form

Delivered = Callable[[], list[Mail]]
Ask = Callable[[], str]
OPERATOR = Client("cli", actor="test")
FORM = {"password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}
JSON = {"new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}
DELAY = timedelta(hours=72)

pytestmark = pytest.mark.settings(rate_limits_enabled=False, web_threads=24)


@pytest.fixture
def secret(alice: User) -> str:
    return with_authenticator(alice)


@pytest.fixture
def recovery(secret: str, alice: User) -> FactorRecovery:
    """An open recovery of Alice's factors."""
    with_passkey(alice)
    factor_recovery.start(alice, TEST_CLIENT, proved="link")
    found = factor_recovery.open_of(alice.id)
    assert found is not None
    return found


def overdue() -> None:
    """Let the time of every recovery be over."""
    db.session.execute(update(FactorRecovery).values(due_at=now() - timedelta(seconds=1)))
    db.session.commit()


def factors_left() -> int:
    tables = (AuthenticatorApp, RecoveryCode, Passkey)
    return sum(db.session.scalar(select(func.count()).select_from(table)) or 0 for table in tables)


def count_of(kind: str) -> int:
    query = select(func.count()).select_from(OutboxEntry).where(OutboxEntry.kind == kind)
    return db.session.scalar(query) or 0


def by_form(client: FlaskClient, page: str, token: str, action: str | None = None, **fields: str) -> None:
    client.get(f"{page}?token={token}")
    post_form(client, action or page, page=page, **fields)


def doors(client: FlaskClient, link: str, operators_link: str) -> dict[str, Callable[[], object]]:
    """Every way in which a mailed link or code is used that could be taken for more than the mailbox."""
    plain = "https://auth.example.com"
    return {
        "browser": lambda: by_form(client, "/reset-password", link, **FORM),
        "v1": lambda: client.post("/api/v1/auth/reset-password", json=JSON, headers=bearer(link)),
        "marketplace": lambda: client.post("/api/auth/reset-password", json={"token": link, **JSON}),
        "plain": lambda: client.post("/reset-password", json={"token": link, **JSON}, base_url=plain),
        "an operator's link": lambda: by_form(client, "/reset-password", operators_link, **FORM),
        "verify": lambda: client.post("/api/v1/auth/verify-email", json={"token": link}),
        "cancel": lambda: by_form(client, "/cancel-recovery", link),
        "undo": lambda: client.get(f"/undo-deletion?token={link}", follow_redirects=True),
        "not me": lambda: client.get(f"/not-me?token={link}", follow_redirects=True),
    }


def test_no_mailed_link_gives_a_password_or_removes_a_factor(
    app: Application, alice: User, secret: str, ask: Ask
) -> None:
    operators = support_links.create_link(alice, OPERATOR).url.partition("token=")[2]
    link = ask()

    for name, use in doors(app.test_client(), link, operators).items():
        with contextlib.suppress(AssertionError):  # A page without a form: there is nothing to send.
            use()
        assert second_factor.is_on(alice.id), name
    db.session.remove()
    assert events("password_reset.done") == []
    assert db.session.scalar(select(func.count()).select_from(Session)) == 0
    assert db.session.get_one(User, alice.id).password_hash == alice.password_hash


def test_a_confirmation_link_and_the_password_are_no_second_factor(
    app: Application, alice: User, secret: str, delivered: Delivered
) -> None:
    accounts.set_email(alice, "alice@example.org", OPERATOR)
    token = next(token_in(mail) for mail in delivered() if "/verify-email" in mail.text)
    browser = app.test_client()

    by_form(browser, "/verify-email", token, "/verify-email", password=PASSWORD)

    assert "Second step" in browser.get("/login/second-step").text
    assert db.session.scalar(select(func.count()).select_from(Session)) == 0
    answer = post_form(browser, "/login/second-step", code=code_for(secret))
    assert answer.status_code == 303
    assert "Hello, Alice" in browser.get("/").text


def test_a_confirmation_link_gives_no_new_password_without_it(
    app: Application, alice: User, secret: str, delivered: Delivered
) -> None:
    accounts.set_email(alice, "alice@example.org", OPERATOR)
    token = next(token_in(mail) for mail in delivered() if "/verify-email" in mail.text)
    browser, page = app.test_client(), "/verify-email/new-password"
    browser.get(f"/verify-email?token={token}")

    assert "This account asks for a second factor too" in browser.get(page).text
    assert post_form(browser, page, **FORM).status_code == 400
    assert post_form(browser, page, **FORM, factor="AAAAA-AAAAA").status_code == 401
    assert events("email.verified") == ["wrong_second_factor"]
    assert post_form(browser, page, **FORM, factor=code_for(secret)).status_code == 303


def test_a_thief_with_the_mailbox_is_stopped_by_the_owner_in_a_session(
    app: Application, alice: User, secret: str, ask: Ask
) -> None:
    owner = app.test_client()
    ticket = login(owner).get_json()["ticket"]
    step = owner.post("/api/v1/auth/login/second-factor", json={"ticket": ticket, "code": code_for(secret)})
    thief = app.test_client()
    started = thief.post("/api/v1/auth/recovery", headers=bearer(ask()))
    assert started.status_code == 202

    stopped = owner.post("/api/v1/auth/recovery/cancel", headers=bearer(step.get_json()["access_token"]))

    assert stopped.status_code == 204
    overdue()
    factor_recovery_end.finish_and_remind()
    assert second_factor.is_on(alice.id)


def test_a_link_stops_no_other_recovery(
    app: Application, alice: User, recovery: FactorRecovery, delivered: Delivered
) -> None:
    first = token_in(delivered()[0])
    factor_recovery.cancel_by_link(first, TEST_CLIENT)
    factor_recovery.start(db.session.get_one(User, alice.id), TEST_CLIENT, proved="link")
    mark = tokens.mark_of(alice.email_key)
    confused = [
        first,
        tokens.mint(tokens.FACTOR_RECOVERY, alice.id, now(), mark),
        tokens.mint(tokens.NOT_ME, recovery.id, now(), mark),
        tokens.mint(tokens.FACTOR_RECOVERY, recovery.id, now(), tokens.mark_of("mallory@example.com")),
    ]

    outcomes = in_threads(app, [partial(factor_recovery.cancel_by_link, token, TEST_CLIENT) for token in confused])

    assert outcomes == ["TokenAlreadyUsed", "InvalidToken", "InvalidToken", "InvalidToken"]
    assert factor_recovery.open_of(alice.id) is not None


def test_of_twenty_at_once_one_starts(app: Application, alice: User, secret: str, ask: Ask) -> None:
    token = ask()

    outcomes = in_threads(app, [partial(factor_recovery.start_by_link, token, TEST_CLIENT)] * 20)

    assert outcomes == [OK] * 20
    assert db.session.scalar(select(func.count()).select_from(FactorRecovery)) == 1
    assert (count_of("factor_recovery"), events("factor_recovery.started")) == (1, ["ok"])


def run_the_job() -> None:
    factor_recovery_end.finish_and_remind()


def test_of_workers_at_once_one_finishes_and_the_mails_are_single(app: Application, recovery: FactorRecovery) -> None:
    overdue()

    assert in_threads(app, [run_the_job] * 8) == [OK] * 8

    assert factors_left() == 0
    assert (events("factor_recovery.done"), count_of("factor_recovery_done")) == (["ok"], 1)


def test_of_workers_at_once_one_reminds(app: Application, recovery: FactorRecovery) -> None:
    db.session.execute(update(FactorRecovery).values(told_at=now() - timedelta(days=1)))
    db.session.commit()

    assert in_threads(app, [run_the_job] * 8) == [OK] * 8

    assert count_of("factor_recovery") == 2


@pytest.mark.parametrize("statement", ["DELETE FROM authenticator_apps", "UPDATE users SET", "INSERT INTO outbox"])
def test_a_worker_that_dies_in_the_middle_has_done_nothing_and_the_next_one_goes_on(
    app: Application, alice: User, recovery: FactorRecovery, statement: str
) -> None:
    class Killed(BaseException):
        """As by a signal that nobody handles."""

    def kill(_connection: object, _cursor: object, text: str, *_more: object) -> None:
        if text.startswith(statement):
            raise Killed

    overdue()
    event.listen(db.engine, "before_cursor_execute", kill)
    with pytest.raises(Killed):
        run_the_job()
    event.remove(db.engine, "before_cursor_execute", kill)
    db.session.remove()
    assert (factors_left(), events("factor_recovery.done")) == (4, [])

    run_the_job()

    assert (factors_left(), events("factor_recovery.done")) == (0, ["ok"])


def test_a_worker_killed_by_the_system_in_the_middle_has_done_nothing(
    app: Application, settings: Settings, recovery: FactorRecovery
) -> None:
    overdue()
    db.session.remove()

    worker = multiprocessing.get_context("spawn").Process(target=work_until_killed, args=(settings,), daemon=True)
    worker.start()
    worker.join(60)

    assert worker.exitcode == -signal.SIGKILL
    assert (factors_left(), events("factor_recovery.done")) == (4, [])
    db.session.remove()
    run_the_job()
    assert (factors_left(), events("factor_recovery.done")) == (0, ["ok"])


def work_until_killed(settings: Settings) -> None:
    """Be a worker that is killed after it has removed the factors, before its commit."""
    app = create_app(settings)
    with app.app_context():

        def kill(_connection: object, _cursor: object, text: str, *_more: object) -> None:
            if text.startswith("UPDATE users SET"):
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(db.engine, "before_cursor_execute", kill)
        factor_recovery_end.finish_and_remind()


def test_a_change_of_credentials_at_the_same_moment_wins_or_loses_whole(
    app: Application, alice: User, recovery: FactorRecovery
) -> None:
    overdue()
    session = sessions.add(alice, TEST_CLIENT)
    db.session.commit()
    secure = partial(account_recovery.secure_own_account, session, TEST_CLIENT)

    finished = partial(factor_recovery_end.finish, recovery.id, factor_recovery_end.WORKER)
    in_threads(app, [secure, finished])

    db.session.remove()
    done = db.session.get_one(FactorRecovery, recovery.id).done_at is not None
    assert second_factor.is_on(alice.id) == (not done)
    assert db.session.scalar(select(func.count()).select_from(Passkey)) == 0  # Either of them removes these.


def test_of_approving_and_cancelling_at_once_one_wins(
    app: Application, alice: User, recovery: FactorRecovery, delivered: Delivered
) -> None:
    token = token_in(delivered()[0])
    approve = partial(factors.approve, alice, "seen", OPERATOR)
    cancel = partial(factor_recovery.cancel_by_link, token, TEST_CLIENT)

    outcomes = in_threads(app, [approve, cancel] * 4)

    db.session.remove()
    row = db.session.get_one(FactorRecovery, recovery.id)
    assert outcomes.count(OK) == 1
    assert (row.done_at is None) != (row.cancelled_at is None)
    assert second_factor.is_on(alice.id) == (row.done_at is None)


def test_a_sign_in_at_the_moment_of_its_end_leaves_no_session(
    app: Application, alice: User, secret: str, recovery: FactorRecovery
) -> None:
    overdue()
    with pytest.raises(SecondFactorRequired) as step:
        sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    finish = partial(sign_in.finish, step.value.ticket or "", code_for(secret), TEST_CLIENT)

    in_threads(app, [run_the_job, finish])

    db.session.remove()
    living = [row for row in db.session.scalars(select(Session)) if sessions.find(row.id)]
    assert (factors_left(), living) == (0, [])


def test_afterwards_nothing_of_before_opens_the_account(
    app: Application, alice: User, secret: str, recovery: FactorRecovery, ask: Ask
) -> None:
    """Sessions, refresh tokens, links, tickets and trusted browsers are dead."""
    app_client = app.test_client()
    ticket = login(app_client).get_json()["ticket"]
    step = {"ticket": ticket, "code": code_for(secret)}
    signed_in = app_client.post("/api/v1/auth/login/second-factor", json=step).get_json()
    trusted = known_devices.remember(alice, TEST_CLIENT, trust=True)
    link = ask()
    overdue()

    run_the_job()
    db.session.remove()

    refresh = {"refresh_token": signed_in["refresh_token"]}
    statuses = [
        app_client.get("/api/v1/auth/me", headers=bearer(signed_in["access_token"])).status_code,
        app_client.post("/api/v1/auth/refresh", json=refresh).status_code,
        app_client.post("/api/v1/auth/reset-password", json=JSON, headers=bearer(link)).status_code,
        app_client.post("/api/v1/auth/login/second-factor", json=step).status_code,
    ]
    assert statuses == [401] * 4
    assert not known_devices.is_trusted(db.session.get_one(User, alice.id), trusted)
    assert login(app_client).status_code == 200  # With the password alone, as the mail has said.


def test_a_daily_mail_comes_once_however_often_the_worker_starts(recovery: FactorRecovery) -> None:
    counts = []
    for hours in range(0, 71, 7):
        with time_machine.travel(now() + timedelta(hours=hours)):
            for _ in range(3):
                run_the_job()
        counts.append(count_of("factor_recovery"))

    assert counts == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3]


def test_a_deleted_account_leaves_no_factor(alice: User, recovery: FactorRecovery) -> None:
    accounts.delete(alice, OPERATOR)

    assert factors_left() == 0
    assert db.session.scalar(select(func.count()).select_from(FactorRecovery)) == 0


def test_a_reset_with_the_second_factor_ends_the_recovery(
    alice: User, secret: str, recovery: FactorRecovery, ask: Ask
) -> None:
    token = ask()
    password_reset.reset_password(token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT, code_for(secret))
    overdue()

    run_the_job()

    assert second_factor.is_on(alice.id)
