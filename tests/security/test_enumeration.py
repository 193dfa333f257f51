"""Enumeration: no answer tells a stranger which addresses have accounts, nor in which state those are."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, update
from werkzeug.test import TestResponse

from chirp_auth.accounts import registration
from chirp_auth.accounts.registration import Applicant
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.smtp import ServerAway
from chirp_auth.models import OutboxEntry, SecurityEvent, User
from chirp_auth.worker import delivery
from config import Settings
from tests.conftest import PASSWORD, TEST_CLIENT
from tests.support.smtp import SmtpServer
from tests.support.visitor import FORGOT_DOORS, SIGN_IN_DOORS, login, post_form
from tests.support.worker import start_thread

STATES = ("unknown", "known", "unverified", "locked", "disabled")

pytestmark = pytest.mark.settings(rate_limits_enabled=False)


def address(state: str) -> str:
    """All of one length, so that an echoed address changes no header."""
    return f"{state:_<10}@example.com"


@pytest.fixture(autouse=True)
def people(app: Application) -> None:
    """An account in each state that one can be in."""
    values: dict[str, dict[str, Any]] = {
        "known": {},
        "unverified": {"email_verified_at": None},
        "locked": {"failed_sign_ins": 9, "sign_in_blocked_until": now().replace(year=2099)},
        "disabled": {"disabled_at": now()},
    }
    for state, changed in values.items():
        user = registration.create(Applicant(address(state), PASSWORD), TEST_CLIENT)
        if changed:
            db.session.execute(update(User).where(User.id == user.id).values(**changed))
            db.session.commit()


def seen(answer: TestResponse, state: str) -> tuple[int, dict[str, str], str]:
    """Return what the asker can see, without what differs from one request to the next for everybody."""
    headers = dict(answer.headers)
    for name in ("X-Request-Id", "Date", "Set-Cookie"):
        headers.pop(name, None)
    body = answer.text.replace(address(state), "<address>").replace(answer.headers["X-Request-Id"], "<reference>")
    body = re.sub(r'(name="csrf_token"[^>]* value=")[^"]+', r"\1<token>", body)
    body = re.sub(r'"timestamp":\s*"[^"]+"', '"timestamp":"<now>"', body)
    return answer.status_code, headers, body


def assert_alike(app: Application, ask: Callable[[str], TestResponse]) -> None:
    answers = {state: seen(ask(address(state)), state) for state in STATES}
    for state, answer in answers.items():
        assert answer == answers["unknown"], state


@pytest.mark.parametrize("door", FORGOT_DOORS)
def test_forgot_password_looks_the_same_for_every_account(app: Application, door: str) -> None:
    assert_alike(app, lambda email: FORGOT_DOORS[door](app.test_client(), email))


@pytest.mark.parametrize("door", [door for door in SIGN_IN_DOORS if door != "seller"])
def test_a_wrong_password_looks_the_same_for_every_account(app: Application, door: str) -> None:
    assert_alike(app, lambda email: SIGN_IN_DOORS[door](app.test_client(), email, "wrong password"))


@pytest.mark.settings(conceal_accounts=True)
def test_seller_looks_the_same_where_accounts_are_concealed(app: Application) -> None:
    assert_alike(app, lambda email: SIGN_IN_DOORS["seller"](app.test_client(), email, "wrong password"))


@pytest.mark.settings(conceal_accounts=True)
@pytest.mark.parametrize("path", ["/api/v1/auth/register", "/api/auth/register", "/register"])
def test_registration_looks_the_same_where_accounts_are_concealed(app: Application, path: str) -> None:
    def register(email: str) -> TestResponse:
        return app.test_client().post(path, json={"email": email, "password": "four borrowed lanterns"})

    assert_alike(app, register)
    assert register(address("unknown")).status_code == 202


@pytest.mark.settings(conceal_accounts=True)
def test_registration_in_a_browser_looks_the_same_where_accounts_are_concealed(app: Application) -> None:
    def register(email: str) -> TestResponse:
        return post_form(app.test_client(), "/register", email=email, password="four borrowed lanterns")

    assert_alike(app, register)


def test_resending_a_confirmation_looks_the_same_for_every_account(app: Application) -> None:
    def ask(email: str) -> TestResponse:
        return app.test_client().post("/api/v1/auth/resend-verification", json={"email": email})

    assert_alike(app, ask)


@pytest.mark.parametrize("door", FORGOT_DOORS)
def test_forgot_password_asks_the_database_nothing_about_accounts(app: Application, door: str) -> None:
    asked: dict[str, list[str]] = {}
    heard: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    event.listen(db.engine, "before_cursor_execute", listen)
    for state in STATES:
        FORGOT_DOORS[door](app.test_client(), address(state))
        asked[state] = list(heard)
        heard.clear()

    assert asked["unknown"]
    assert not [statement for statement in asked["known"] if re.search(r"\b(users|sessions)\b", statement)]
    assert all(statements == asked["unknown"] for statements in asked.values())


@pytest.mark.parametrize("door", ["v1", "browser"])
def test_a_wrong_password_asks_the_database_as_much_for_every_account(app: Application, door: str) -> None:
    heard: list[str] = []
    counts: dict[str, int] = {}

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    event.listen(db.engine, "before_cursor_execute", listen)
    for state in STATES:
        SIGN_IN_DOORS[door](app.test_client(), address(state), "wrong password")
        counts[state] = len(heard)
        heard.clear()

    assert len(set(counts.values())) == 1, counts


@pytest.mark.settings(smtp_host="127.0.0.1", smtp_port=1)
def test_a_dead_mail_server_shows_nowhere(app: Application) -> None:
    assert_alike(app, lambda email: FORGOT_DOORS["v1"](app.test_client(), email))

    with pytest.raises(ServerAway):
        delivery.run_once()
    waiting = db.session.query(OutboxEntry).filter(OutboxEntry.sent_at.is_(None)).count()
    assert waiting >= 1
    assert_alike(app, lambda email: FORGOT_DOORS["v1"](app.test_client(), email))


def test_a_slow_mail_server_shows_nowhere(
    settings: Settings, smtp_server: SmtpServer, build: Callable[[Settings], Application]
) -> None:
    smtp_server.seconds_before_answer = 5
    slow = build(settings.model_copy(update={"smtp_host": smtp_server.host, "smtp_port": smtp_server.port}))
    finish = start_thread(slow)
    try:
        assert_alike(slow, lambda email: FORGOT_DOORS["v1"](slow.test_client(), email))
        assert smtp_server.messages == [], "the answers did not wait for the mail"
        smtp_server.seconds_before_answer = 0  # For the mails after the first, on which the test need not wait.
        assert smtp_server.wait_for(1)[0].recipients == (address("known"),)
    finally:
        finish()


def test_the_trail_knows_what_the_answer_conceals(app: Application) -> None:
    for state in STATES:
        login(app.test_client(), address(state), "wrong password")

    outcomes = [row.outcome for row in db.session.query(SecurityEvent).filter_by(kind="session.signed_in")]
    assert outcomes == ["no_account", "wrong_password", "wrong_password", "delayed", "disabled"]
