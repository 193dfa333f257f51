"""Attacks on the second step: codes replayed and guessed, tickets mixed up, older contracts, trusted browsers."""

import io
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import event, func, select, update
from werkzeug.test import TestResponse

from chirp_auth.accounts import lockout, password_change, registration, sessions, sign_in
from chirp_auth.accounts.factors import second_factor, second_step
from chirp_auth.accounts.registration import Applicant
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken, SecondFactorRequired, WrongSecondFactor
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import AuthenticatorApp, RecoveryCode, SecurityEvent, Session, User
from chirp_auth.security import tokens, totp
from chirp_auth.security.client import Client
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT, events, on_one_database
from tests.security.test_secrets import assert_none, debug_log, everything_at_rest  # noqa: F401 - a fixture
from tests.support.factors import RECOVERY_CODES, code_for, with_authenticator, wrong_code
from tests.support.together import OK, in_threads
from tests.support.visitor import SIGN_IN_DOORS, Visitor, bearer, login, post_form, press
from tests.support.visitor import sign_in as sign_in_browser

pytestmark = pytest.mark.settings(rate_limits_enabled=False, web_threads=24)

START = "2026-11-21T12:00:10Z"
STEP = timedelta(seconds=totp.STEP_SECONDS)
WRONG = "nine wrong guesses"
AT_ONCE = 20


@pytest.fixture
def secret(app: Application, alice: User) -> str:
    app.test_client()  # It starts what a request needs, such as the queue of hashes.
    return with_authenticator(alice)


def ticket(client: Client = TEST_CLIENT, email: str = ALICE) -> str:
    db.session.remove()
    with pytest.raises(SecondFactorRequired) as asked:
        sign_in.sign_in(email, PASSWORD, client)
    return str(asked.value.ticket)


def refused(kept: str, typed: str, client: Client = TEST_CLIENT) -> None:
    db.session.remove()
    with pytest.raises(WrongSecondFactor):
        sign_in.finish(kept, typed, client)


def failures(of: type[AuthenticatorApp | User] = AuthenticatorApp) -> int:
    return db.session.scalar(select(of.failed_sign_ins)) or 0


def open_sessions() -> int:
    db.session.remove()
    return db.session.scalar(select(func.count()).select_from(Session)) or 0


# Codes


@pytest.mark.usefixtures("alice")
def test_a_code_is_good_once_and_so_is_every_earlier_one(secret: str) -> None:
    with time_machine.travel(START, tick=False) as clock:
        early, present = code_for(secret), totp.code_at(secret, now() + STEP)
        kept = ticket()
        sign_in.finish(kept, present, TEST_CLIENT)  # Of a clock that is half a minute fast.

        refused(kept, present)
        refused(kept, early)
        clock.shift(STEP)
        refused(kept, present)
        clock.shift(STEP)
        sign_in.finish(kept, code_for(secret), TEST_CLIENT)


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("steps", [-20, -2, 2, 20])
def test_a_code_of_another_time_opens_nothing(secret: str, steps: int) -> None:
    with time_machine.travel(START, tick=False):
        near = {totp.code_at(secret, now() + step * STEP) for step in (-1, 0, 1)}
        code = totp.code_at(secret, now() + steps * STEP)
        if code not in near:  # Two of a million are the same.
            refused(ticket(), code)


@pytest.mark.parametrize("kind", ["authenticator_app", "recovery_code"])
def test_of_twenty_at_once_with_one_code_one_signs_in(app: Application, secret: str, kind: str) -> None:
    kept = ticket()
    typed = code_for(secret) if kind == "authenticator_app" else RECOVERY_CODES[0]

    ended = in_threads(app, [lambda: sign_in.finish(kept, typed, TEST_CLIENT)] * AT_ONCE)

    assert ended.count(OK) == 1
    assert set(ended) == {OK, "WrongSecondFactor"}
    assert open_sessions() == 1


def test_twenty_guesses_at_once_are_all_counted(app: Application, secret: str) -> None:
    kept, wrong = ticket(), wrong_code(secret)

    ended = in_threads(app, [lambda: sign_in.finish(kept, wrong, TEST_CLIENT)] * AT_ONCE)

    assert set(ended) == {"WrongSecondFactor"}
    db.session.remove()
    outcomes = events("session.signed_in")
    assert outcomes.count("wrong_second_factor") == failures() == lockout.FREE_FAILURES + 1
    assert outcomes.count("delayed") == AT_ONCE - lockout.FREE_FAILURES - 1


def test_guesses_over_many_requests_tickets_and_clients_meet_one_delay(app: Application, secret: str) -> None:
    with time_machine.travel(START, tick=False) as clock:
        kept = [ticket() for _ in range(3)]
        for turn in range(lockout.FREE_FAILURES + 1):
            refused(kept[turn % 3], wrong_code(secret), Client(face="api", ip=f"198.51.100.{turn}"))
        for other in kept:
            refused(other, code_for(secret), Client(face="browser", ip="203.0.113.5"))
        refused(ticket(), code_for(secret))  # Nor does a new ticket help.

        clock.shift(lockout.FIRST_DELAY + timedelta(seconds=1))
        again = ticket()
        assert failures() == lockout.FREE_FAILURES + 1  # The password alone takes none of them back.
        refused(again, wrong_code(secret))
        clock.shift(lockout.FIRST_DELAY + timedelta(seconds=1))
        refused(again, code_for(secret))  # The second delay is twice as long.


@pytest.mark.usefixtures("alice")
def test_a_hundred_guesses_bring_a_day(secret: str) -> None:
    with time_machine.travel(START, tick=False) as clock:
        almost = {"failed_sign_ins": lockout.MANY_FAILURES - 1, "sign_in_blocked_until": now()}
        db.session.execute(update(AuthenticatorApp).values(**almost))
        db.session.commit()
        refused(ticket(), "000000x")
        clock.shift(timedelta(hours=23))
        refused(ticket(), code_for(secret))
        clock.shift(timedelta(hours=1, seconds=1))
        sign_in.finish(ticket(), code_for(secret), TEST_CLIENT)


@on_one_database
@pytest.mark.parametrize(
    "typed", ["", " ", "0" * 1000, "١٢٣٤٥٦", "12345\uff16", "-1", "\ud800", "' OR 1=1 --", "1e5", "K7QP4M2XA"]
)
def test_what_cannot_be_a_code_is_just_wrong(secret: str, typed: str) -> None:
    refused(ticket(), typed)


@pytest.mark.usefixtures("secret")
def test_a_recovery_code_of_somebody_else_opens_nothing(alice: User) -> None:
    mallory = registration.create(Applicant(MALLORY, PASSWORD), TEST_CLIENT)
    with_authenticator(mallory, ["MMMMM22222"])
    moved = db.session.scalars(select(RecoveryCode).where(RecoveryCode.user_id == mallory.id)).one()
    moved.user_id = alice.id  # Even where somebody can write to the table: its digest is bound to row and key.
    moved.id = uuid4()
    db.session.commit()

    refused(ticket(), "MMMMM22222")


# Tickets


@pytest.mark.usefixtures("alice")
def test_the_ticket_of_one_and_the_code_of_another_open_nothing(secret: str) -> None:
    theirs = with_authenticator(registration.create(Applicant(MALLORY, PASSWORD), TEST_CLIENT), ["MMMMM22222"])

    refused(ticket(), code_for(theirs))
    refused(ticket(), "MMMMM22222")
    refused(ticket(email=MALLORY), code_for(secret))


def test_a_ticket_dies_with_a_change_of_the_password(alice: User, secret: str) -> None:
    owner = sessions.add(alice, TEST_CLIENT)
    db.session.commit()
    kept = second_step.ticket_for(alice)
    password_change.change_password(owner, PASSWORD, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)
    db.session.remove()

    with pytest.raises(InvalidToken):
        sign_in.finish(kept, code_for(secret), TEST_CLIENT)


@on_one_database
def test_a_ticket_opens_no_other_door(client: FlaskClient, secret: str) -> None:
    kept = login(client).get_json()["ticket"]
    new = {"new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}

    assert client.get("/api/v1/auth/me", headers=bearer(kept)).status_code == 401
    assert client.post("/api/v1/auth/refresh", json={"refresh_token": kept}).status_code == 401
    assert client.post("/api/v1/auth/reset-password", json=new, headers=bearer(kept)).status_code == 401
    assert client.post("/api/v1/auth/verify-email", json={"token": kept}).status_code == 401
    assert client.get(f"/not-me?token={kept}", follow_redirects=True).status_code != 200


@on_one_database
def test_no_other_token_is_a_ticket(client: FlaskClient, alice: User, secret: str) -> None:
    mark = tokens.mark_of(f"credential version {alice.credential_version}")
    for purpose in (tokens.PASSWORD_RESET, tokens.NOT_ME, tokens.PASSKEY_CHALLENGE, tokens.FACTOR_RECOVERY):
        forged = tokens.mint(purpose, alice.id, now(), mark)
        answer = client.post("/api/v1/auth/login/second-factor", json={"ticket": forged, "code": code_for(secret)})
        assert (answer.status_code, answer.get_json()["code"]) == (401, "INVALID_TOKEN")

    right = tokens.mint(tokens.SECOND_STEP, alice.id, now(), mark)
    body = {"ticket": right, "code": code_for(secret)}
    assert client.post("/api/v1/auth/login/second-factor", json=body).status_code == 200


# Doors without a second step, and strangers


def seen(answer: TestResponse) -> tuple[int, dict[str, str], str]:
    headers = {name: value for name, value in answer.headers.items() if name not in ("X-Request-Id", "Date")}
    return answer.status_code, headers, re.sub(r'"timestamp":"[^"]+"', "", answer.text)


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """The statements that the database gets."""
    statements: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", listen)
    yield statements
    event.remove(db.engine, "before_cursor_execute", listen)


@pytest.mark.parametrize("door", ["marketplace", "plain", "seller"])
def test_an_older_contract_answers_the_right_password_as_a_wrong_one(
    app: Application, alice: User, secret: str, door: str
) -> None:
    knock = SIGN_IN_DOORS[door]

    wrong = knock(app.test_client(), ALICE, WRONG)
    assert failures(User) == 1
    right = knock(app.test_client(), ALICE, PASSWORD)

    assert seen(right) == seen(wrong)
    assert failures(User) == 2
    db.session.refresh(alice)
    assert (open_sessions(), alice.password_reset_at, alice.last_sign_in_at) == (0, None, None)


@pytest.mark.parametrize("door", ["marketplace", "plain", "seller"])
def test_right_guesses_there_bring_the_same_delay_and_mail(
    app: Application, secret: str, door: str, delivered: Callable[[], list[Mail]]
) -> None:
    for _ in range(lockout.FREE_FAILURES + 1):
        SIGN_IN_DOORS[door](app.test_client(), ALICE, PASSWORD)

    assert failures(User) == lockout.FREE_FAILURES + 1
    assert any("sign-in" in mail.subject.lower() or "sign in" in mail.text.lower() for mail in delivered())


def test_whoever_has_not_the_password_learns_nothing(app: Application, alice: User, asked: list[str]) -> None:
    def tried() -> tuple[tuple[int, dict[str, str], str], list[str]]:
        asked.clear()
        answer = seen(login(app.test_client(), password=WRONG))
        return answer, list(asked)

    without = tried()
    with_authenticator(alice)

    assert tried() == without


# Trusted browsers


def trusted(app: Application, secret: str, typed: str = RECOVERY_CODES[0]) -> Visitor:
    """A browser of Alice's in which she has chosen to be asked for the password alone."""
    browser = app.test_client()
    sign_in_browser(browser)
    post_form(browser, "/login/second-step", code=typed, trust="y")
    browser.delete_cookie("session")
    return browser  # type: ignore[return-value]  # as the fixture sets it


def test_the_cookie_of_a_trusted_browser_is_worth_nothing_without_the_password(app: Application, secret: str) -> None:
    browser = trusted(app, secret)

    assert sign_in_browser(browser, password=WRONG).status_code == 401
    assert sign_in_browser(browser).location == "/"


def test_the_cookie_of_one_is_none_of_another(app: Application, alice: User, secret: str) -> None:
    with_authenticator(registration.create(Applicant(MALLORY, PASSWORD), TEST_CLIENT), ["MMMMM22222"])
    browser = trusted(app, secret)

    assert sign_in_browser(browser, MALLORY).location == "/login/second-step"


def test_a_json_client_cannot_borrow_the_trust(app: Application, secret: str) -> None:
    browser = trusted(app, secret)

    assert login(browser).get_json()["code"] == "SECOND_FACTOR_REQUIRED"
    assert SIGN_IN_DOORS["plain"](browser, ALICE, PASSWORD).status_code == 401


def test_trust_ends_after_thirty_days_and_with_the_password(app: Application, secret: str) -> None:
    with time_machine.travel(START, tick=False) as clock:
        browser = trusted(app, secret)
        clock.shift(timedelta(days=30, seconds=1))
        assert sign_in_browser(browser).location == "/login/second-step"

        post_form(browser, "/login/second-step", code=RECOVERY_CODES[1], trust="y")
        fields = {"current_password": PASSWORD, "new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}
        assert post_form(browser, "/change-password", **fields).location == "/"
        browser.delete_cookie("session")
        assert sign_in_browser(browser, password=NEW_PASSWORD).location == "/login/second-step"


@pytest.mark.parametrize(
    "path",
    [
        "/change-password",
        "/change-address",
        "/download-data",
        "/delete-account",
        "/security/authenticator-app/remove",
        "/security/recovery-codes",
    ],
)
def test_in_a_trusted_browser_the_password_alone_changes_nothing(app: Application, secret: str, path: str) -> None:
    browser = trusted(app, secret)
    sign_in_browser(browser)

    assert browser.get(path).location == "/confirm"
    html = browser.get("/confirm").text
    assert press(browser, path, html, password=PASSWORD, current_password=PASSWORD).location == "/confirm"
    assert press(browser, "/confirm", html, password=PASSWORD, code="000000x").status_code == 401
    assert browser.get(path).location == "/confirm"


# What is kept and told


def test_no_secret_and_no_code_is_at_rest_in_a_log_or_in_a_mail(
    app: Application,
    alice: User,
    delivered: Callable[[], list[Mail]],
    debug_log: io.StringIO,  # noqa: F811 - the fixture
    capfd: pytest.CaptureFixture[str],
) -> None:
    phone, browser = app.test_client(), app.test_client()
    token = bearer(login(phone).get_json()["access_token"])
    set_up = phone.post("/api/v1/auth/authenticator-app", headers=token).get_json()
    totp_code = code_for(set_up["secret"])
    added = phone.post("/api/v1/auth/authenticator-app/confirm", json={"code": totp_code}, headers=token).get_json()
    first, second, *others = added["recovery_codes"]
    kept = login(phone).get_json()["ticket"]
    for typed in ("111111", first, first):
        phone.post("/api/v1/auth/login/second-factor", json={"ticket": kept, "code": typed})
    sign_in_browser(browser)
    post_form(browser, "/login/second-step", code=second)
    made = re.findall(r"<code>(\w{5}-\w{5})</code>", post_form(browser, "/security/recovery-codes").text)
    assert len(made) == 10
    page = browser.get("/security").text
    press(browser, "/security/recovery-codes/file", page, code=made)
    mails = delivered()
    assert second_factor.is_on(alice.id)

    codes = [first, second, *others, *made]
    secrets = [set_up["secret"], *codes, *(code.replace("-", "") for code in codes), kept]
    assert_none(secrets, everything_at_rest())
    assert_none(secrets, debug_log.getvalue() + "".join(capfd.readouterr()))
    assert_none(secrets, "\n".join(f"{mail.subject} {mail.text} {mail.html}" for mail in mails))
    assert_none(secrets, "\n".join(str(event.detail) for event in db.session.scalars(select(SecurityEvent))))
    if db.engine.dialect.name == "sqlite":
        assert db.engine.url.database
        path = Path(db.engine.url.database)
        files = [path, *path.parent.glob(f"{path.name}-*")]  # The write-ahead log, too.
        assert_none(secrets, "".join(file.read_bytes().decode("latin-1") for file in files))
