"""Concealed accounts: registering an address and then trying its password tells nobody whether it was free."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import bcrypt
import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, update
from werkzeug.test import TestResponse

from chirp_auth.accounts import address_change, registration, sessions
from chirp_auth.accounts.registration import Applicant
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import OutboxEntry, Session, User
from tests.conftest import NEW_PASSWORD, PASSWORD, TEST_CLIENT, events, token_in
from tests.support.visitor import SIGN_IN_DOORS, bearer, login, post_form, press
from tests.web.conftest import words

pytestmark = pytest.mark.settings(conceal_accounts=True, rate_limits_enabled=False)

Delivered = Callable[[], list[Mail]]

# All of one length, so that an echoed address changes no header.
FREE, TAKEN, PENDING, LEFT = (f"{name:_<8}@example.com" for name in ("free", "taken", "pending", "left"))
REGISTRATION_DOORS: dict[str, Callable[[FlaskClient, str], TestResponse]] = {
    name: lambda client, email, path=path: client.post(path, json={"email": email, "password": PASSWORD})
    for name, path in {"v1": "/api/v1/auth", "marketplace": "/api/auth", "plain": ""}.items()
    for path in [f"{path}/register"]
} | {"browser": lambda client, email: post_form(client, "/register", email=email, password=PASSWORD)}


@pytest.fixture(autouse=True)
def people(app: Application, delivered: Delivered) -> None:
    """Somebody with a confirmed address, somebody who registered and waits, and an address that was just left."""
    registration.create(Applicant(TAKEN, NEW_PASSWORD), TEST_CLIENT)
    mover = registration.create(Applicant(LEFT, PASSWORD), TEST_CLIENT)
    address_change.request_change(sessions.add(mover, TEST_CLIENT), PASSWORD, "mover@example.org", TEST_CLIENT)
    address_change.confirm_change(token_in(delivered()[0]), TEST_CLIENT)
    registration.register(Applicant(PENDING, NEW_PASSWORD), TEST_CLIENT)
    delivered()


@pytest.fixture
def heard(app: Application) -> Iterator[list[str]]:
    """The statements that the database is asked."""
    statements: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", listen)
    yield statements
    event.remove(db.engine, "before_cursor_execute", listen)


def seen(answer: TestResponse, email: str) -> tuple[int, list[tuple[str, str]], str]:
    """Return all that the asker sees, without what differs from one request to the next for everybody."""
    changing = ("X-Request-Id", "Date", "Set-Cookie")
    headers = [header for header in answer.headers.items() if header[0] not in changing]
    cookies = [("Set-Cookie", cookie.partition("=")[0]) for cookie in answer.headers.getlist("Set-Cookie")]
    body = answer.text.replace(email, "<address>").replace(answer.headers["X-Request-Id"], "<reference>")
    body = re.sub(r'(name="csrf_token"[^>]* value=")[^"]+', r"\1<token>", body)
    return answer.status_code, headers + cookies, re.sub(r'"timestamp":\s*"[^"]+"', '"timestamp":"<now>"', body)


@pytest.mark.parametrize("door", REGISTRATION_DOORS)
def test_a_registration_reads_the_same_whatever_the_address(app: Application, door: str) -> None:
    answers = {email: seen(REGISTRATION_DOORS[door](app.test_client(), email), email) for email in (TAKEN, PENDING)}
    answers[LEFT] = seen(REGISTRATION_DOORS[door](app.test_client(), LEFT), LEFT)
    free = seen(REGISTRATION_DOORS[door](app.test_client(), FREE), FREE)

    assert free[0] == (303 if door == "browser" else 202)
    assert set(map(repr, answers.values())) == {repr(free)}
    assert "token" not in free[2]


def test_a_registration_asks_the_database_as_much_whatever_the_address(app: Application, heard: list[str]) -> None:
    counts = {}
    for email in (FREE, TAKEN, PENDING):
        heard.clear()
        REGISTRATION_DOORS["v1"](app.test_client(), email)
        counts[email] = len(heard)

    assert len(set(counts.values())) == 1, counts


@pytest.mark.parametrize("door", SIGN_IN_DOORS)
def test_registering_and_trying_the_password_tells_nothing(app: Application, door: str) -> None:
    """The attack: two requests, and 403 said that the address had been free."""
    for email in (FREE, TAKEN, PENDING, LEFT):
        REGISTRATION_DOORS["v1"](app.test_client(), email)

    answers = [
        repr(seen(SIGN_IN_DOORS[door](app.test_client(), email, PASSWORD), email))
        for email in (FREE, TAKEN, PENDING, LEFT)
    ]

    assert set(answers) == {answers[0]}
    assert SIGN_IN_DOORS[door](app.test_client(), FREE, PASSWORD).status_code == 401


@pytest.mark.parametrize("door", ["v1", "seller", "browser"])
def test_a_failed_sign_in_asks_the_database_as_much_for_every_account(
    app: Application, heard: list[str], door: str
) -> None:
    counts = {}
    for name, email, password in (
        ("unknown", FREE, PASSWORD),
        ("wrong", TAKEN, PASSWORD),
        ("unconfirmed, right", PENDING, NEW_PASSWORD),
        ("unconfirmed, wrong", PENDING, PASSWORD),
    ):
        heard.clear()
        SIGN_IN_DOORS[door](app.test_client(), email, password)
        counts[name] = [statement.split()[0] for statement in heard]

    assert all(statements == counts["unknown"] for statements in counts.values()), counts


def test_failures_at_an_unconfirmed_account_are_neither_counted_nor_mailed(
    app: Application, delivered: Delivered
) -> None:
    mails = len(delivered())
    for _ in range(7):
        login(app.test_client(), PENDING, PASSWORD)

    assert len(delivered()) == mails
    assert db.session.query(User.failed_sign_ins, User.sign_in_blocked_until).filter_by(email=PENDING).all() == [
        (0, None)
    ]
    assert events("session.signed_in")[-1] == "email_not_verified", "operators can tell"


def test_an_open_session_is_dead_until_the_address_is_confirmed(app: Application) -> None:
    """Accounts were not concealed when it was opened, or support has just changed the address."""
    signed_in = app.test_client()
    tokens = login(signed_in, TAKEN, NEW_PASSWORD).get_json()
    headers = bearer(tokens["access_token"])
    assert signed_in.get("/api/v1/auth/me", headers=headers).status_code == 200

    db.session.execute(update(User).values(email_verified_at=None))
    db.session.commit()

    assert signed_in.get("/api/v1/auth/me", headers=headers).status_code == 401
    refreshed = signed_in.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    changed = {"current_password": NEW_PASSWORD, "new_password": PASSWORD, "confirm_password": PASSWORD}
    assert refreshed.status_code == 401
    assert signed_in.post("/api/v1/auth/change-password", json=changed, headers=headers).status_code == 401


def test_registering_opens_no_session(app: Application) -> None:
    before = db.session.query(Session).count()
    browser = app.test_client()

    REGISTRATION_DOORS["browser"](browser, FREE)
    REGISTRATION_DOORS["v1"](app.test_client(), "another@example.com")

    assert browser.get("/change-password").location == "/login"
    assert db.session.query(Session).count() == before


def test_whoever_registers_a_waiting_address_again_sends_its_owner_the_link_three_times_an_hour(
    app: Application, delivered: Delivered
) -> None:
    for _ in range(5):
        REGISTRATION_DOORS["v1"](app.test_client(), PENDING)

    subjects = [mail.subject for mail in delivered() if mail.to == PENDING]
    assert subjects == ["Confirm your address for Chirpworks"] * 3


def test_an_address_that_was_just_left_gets_no_mail(app: Application, delivered: Delivered) -> None:
    before = len(delivered())
    REGISTRATION_DOORS["v1"](app.test_client(), LEFT)

    assert len(delivered()) == before
    assert db.session.query(OutboxEntry).filter_by(recipient=LEFT, last_error="no account").count() == 1


def test_the_words_of_a_failed_sign_in_tell_everybody_what_a_new_account_needs(app: Application) -> None:
    pages = []
    for email in (FREE, TAKEN, PENDING):
        browser = app.test_client()
        pages.append(words(post_form(browser, "/login", email=email, password=PASSWORD)))
        sent = post_form(browser, "/verify-email/new-link", page="/login")
        assert (sent.status_code, sent.location) == (303, "/check-email")

    assert set(pages) == {pages[0]}
    assert "A new account is confirmed by mail first" in pages[0]


@pytest.mark.settings(conceal_accounts=False)
def test_where_accounts_are_not_concealed_a_new_account_is_used_at_once(app: Application) -> None:
    assert REGISTRATION_DOORS["v1"](app.test_client(), FREE).status_code == 201
    assert login(app.test_client(), FREE, PASSWORD).status_code == 200


def test_a_registration_with_a_held_password_costs_a_hash_too(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise its time would tell a free address, whose row is written, from a taken one."""
    hashes = []
    real = bcrypt.checkpw

    def counted(password: bytes, hashed: bytes) -> bool:
        hashes.append(hashed)
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    for email in (FREE, TAKEN):
        browser = app.test_client()
        wrong = post_form(browser, "/register", email="no address", password=PASSWORD)
        assert "Your password is fine" in wrong.text
        hashes.clear()
        assert press(browser, "/register", wrong.text, email=email).status_code == 303
        assert len(hashes) == 1
