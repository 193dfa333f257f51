"""An account that is guessed at for ever: from the hundredth failure on one guess a day (NIST SP 800-63B-4, 3.2.2)."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import func, select, update

from chirp_auth.accounts import sign_in as rule
from chirp_auth.clock import now
from chirp_auth.errors import InvalidCredentials
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import KnownDevice, SecurityEvent, User
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT, token_in
from tests.support.together import in_threads
from tests.support.visitor import forgot, login, post_form, sign_in

Delivered = Callable[[], list[Mail]]

START = "2026-11-21T12:00:00Z"
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)

pytestmark = [pytest.mark.settings(rate_limits_enabled=False, web_threads=24), pytest.mark.usefixtures("client")]


def guess() -> None:
    db.session.remove()
    with pytest.raises(InvalidCredentials):
        rule.sign_in(ALICE, "a wrong guess", TEST_CLIENT)


def account() -> User:
    db.session.remove()
    return db.session.scalars(select(User)).one()


def blocked_for(counter: User | KnownDevice) -> timedelta:
    return counter.sign_in_blocked_until - now() if counter.sign_in_blocked_until else timedelta(0)


def judged() -> int:
    found = select(func.count()).select_from(SecurityEvent).where(SecurityEvent.outcome == "wrong_password")
    return db.session.scalar(found) or 0


def failed(times: int, model: type[User] | type[KnownDevice] = User) -> None:
    """Put the counter where so many failures leave it, their last delay just over."""
    db.session.execute(
        update(model).values(failed_sign_ins=times, sign_in_blocked_until=now()),
        execution_options={"synchronize_session": False},
    )
    db.session.commit()
    db.session.remove()


def told_of_guesses(mails: list[Mail]) -> list[Mail]:
    return [mail for mail in mails if "guessing" in mail.subject]


def test_whoever_guesses_without_end_gets_a_hundred_tries_and_then_one_a_day(alice: User, delivered: Delivered) -> None:
    with time_machine.travel(START, tick=False) as clock:
        for _ in range(99):
            guess()
            assert blocked_for(account()) <= timedelta(minutes=15)
            clock.shift(blocked_for(account()) + SECOND)
        for number in (100, 101, 102):
            guess()
            assert (account().failed_sign_ins, blocked_for(account())) == (number, DAY)
            clock.shift(DAY - SECOND)
            guess()
            assert account().failed_sign_ins == number, "a try during the delay does not count"
            clock.shift(SECOND)
        mails = told_of_guesses(delivered())

    assert judged() == 102
    assert len(mails) == 2, "the owner is told of the fifth and of the hundredth"
    fifth, hundredth = sorted(mails, key=lambda mail: "100 times" in mail.text)
    assert " 5 times" in " ".join(fifth.text.split())
    words = " ".join(hundredth.text.split())
    assert "100 times in a row" in words
    assert "Each further try now has to wait for 1 day" in words
    assert "a reset lets you in at once" in words
    assert "/not-me?token=" in hundredth.text


@pytest.mark.parametrize("failures", [60, 99, 100, 150])
def test_no_pause_makes_the_count_begin_anew(alice: User, failures: int) -> None:
    with time_machine.travel(START, tick=False) as clock:
        failed(failures)
        clock.shift(timedelta(days=40))
        guess()

        assert account().failed_sign_ins == failures + 1
        assert blocked_for(account()) == (DAY if failures >= 99 else timedelta(0))
        clock.shift(SECOND if failures < 99 else DAY)
        guess()
        assert blocked_for(account()) >= timedelta(minutes=15), "only the first after a quiet day is a slip"


def test_pauses_of_a_day_buy_no_more_than_a_hundred_guesses(alice: User) -> None:
    with time_machine.travel(START, tick=False) as clock:
        failed(80)
        for _ in range(40):
            clock.shift(DAY + timedelta(minutes=16))
            guess()
            clock.shift(SECOND)
            guess()

        assert account().failed_sign_ins == 100 + 30, "two a day up to the hundredth, one a day from there"
        assert blocked_for(account()) > timedelta(hours=23)


def test_the_delay_of_a_day_is_not_for_ever(client: FlaskClient, alice: User) -> None:
    with time_machine.travel(START, tick=False) as clock:
        failed(99)
        guess()
        assert login(client).status_code == 401, "even the right password waits"

        clock.shift(DAY + SECOND)
        assert login(client).status_code == 200
        assert account().failed_sign_ins == 0


def test_a_known_device_comes_in_at_once(app: Application, alice: User) -> None:
    browser = app.test_client()
    sign_in(browser)
    post_form(browser, "/logout", page="/")
    failed(99)
    guess()

    assert login(app.test_client()).status_code == 401
    assert sign_in(browser).status_code == 303


def test_the_browser_that_changed_the_password_is_a_known_device(app: Application, alice: User) -> None:
    browser = app.test_client()
    sign_in(browser)
    changed = {"new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}
    assert post_form(browser, "/change-password", current_password=PASSWORD, **changed).status_code == 303
    assert "Hello, Alice" in browser.get("/").text
    post_form(browser, "/logout", page="/")
    failed(99)
    guess()

    assert sign_in(browser, password=NEW_PASSWORD).status_code == 303


def test_a_reset_comes_in_at_once(client: FlaskClient, alice: User, delivered: Delivered) -> None:
    failed(99)
    guess()
    forgot(client)
    token = token_in(next(mail for mail in delivered() if "/reset-password?token=" in mail.text))

    body = {"token": token, "new_password": NEW_PASSWORD}
    assert client.post("/reset-password", json=body).status_code == 200

    assert login(client, password=NEW_PASSWORD).status_code == 200


def test_an_operator_lets_the_owner_in(client: FlaskClient, runner: FlaskCliRunner, alice: User) -> None:
    failed(99)
    guess()

    assert runner.invoke(args=["auth", "user", "unlock", ALICE, "--yes"]).exit_code == 0

    assert login(client).status_code == 200


def test_a_stolen_device_has_the_same_bound_and_the_owner_is_told(
    app: Application, alice: User, delivered: Delivered
) -> None:
    thief = app.test_client()
    sign_in(thief)
    post_form(thief, "/logout", page="/")
    failed(99, KnownDevice)

    sign_in(thief, password="a wrong guess")

    device = db.session.scalars(select(KnownDevice)).one()
    assert device.failed_sign_ins == 100
    assert timedelta(hours=23) < blocked_for(device) <= DAY
    assert sign_in(thief).status_code == 401
    (mail,) = told_of_guesses(delivered())
    words = " ".join(mail.text.split())
    assert "100 times in a row, in a browser that you have used before" in words
    assert "In any other browser that you have used before you can still sign in" in words
    assert login(app.test_client()).status_code == 200, "the account itself is not delayed"


def test_of_guesses_at_once_one_is_the_hundredth(app: Application, alice: User, delivered: Delivered) -> None:
    failed(98)

    outcomes = in_threads(app, [lambda: rule.sign_in(ALICE, "a wrong guess", TEST_CLIENT)] * 12)

    assert set(outcomes) == {"InvalidCredentials"}
    assert account().failed_sign_ins == 99
    failed(99)
    in_threads(app, [lambda: rule.sign_in(ALICE, "a wrong guess", TEST_CLIENT)] * 12)
    assert account().failed_sign_ins == 100
    assert blocked_for(account()) > timedelta(hours=23)
    assert len(told_of_guesses(delivered())) == 1
