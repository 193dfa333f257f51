"""Guessing passwords: it gets slower for strangers, looks like any wrong password, and never keeps the owner out."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select, update

from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import SecurityEvent, User
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, token_in
from tests.support.visitor import SIGN_IN_DOORS, bearer, forgot, login, post_form, sign_in

Delivered = Callable[[], list[Mail]]

pytestmark = pytest.mark.settings(rate_limits_enabled=False)


def guess(client: FlaskClient, times: int) -> None:
    for n in range(times):
        assert login(client, password=f"wrong guess {n}").status_code == 401


def failures(user: User) -> int:
    return db.session.get_one(User, user.id, populate_existing=True).failed_sign_ins


def blocked_for(user: User) -> timedelta:
    user = db.session.get_one(User, user.id, populate_existing=True)
    return user.sign_in_blocked_until - now() if user.sign_in_blocked_until else timedelta(0)


def test_four_slips_cost_nothing(client: FlaskClient, alice: User) -> None:
    guess(client, 4)

    assert login(client).status_code == 200


def test_the_fifth_failure_delays_even_the_right_password(client: FlaskClient, alice: User) -> None:
    guess(client, 5)

    wrong, right = login(client, password="wrong"), login(client)

    assert right.status_code == 401
    assert {**right.get_json(), "timestamp": ""} == {**wrong.get_json(), "timestamp": ""}


def test_the_delay_grows_to_fifteen_minutes_and_no_further(client: FlaskClient, alice: User) -> None:
    delays = []
    with time_machine.travel("2026-11-21T12:00:00Z", tick=False) as travel:
        for n in range(14):
            login(client, password=f"wrong {n}")
            delays.append(int(blocked_for(alice).total_seconds()))
            travel.shift(blocked_for(alice) + timedelta(seconds=1))

    assert delays == [0, 0, 0, 0, 15, 30, 60, 120, 240, 480, 900, 900, 900, 900]


def test_of_the_guesses_of_an_hour_fewer_than_fifteen_are_judged(client: FlaskClient, alice: User) -> None:
    with time_machine.travel("2026-11-21T12:00:00Z", tick=False) as travel:
        for n in range(120):
            login(client, password=f"wrong {n}")
            travel.shift(timedelta(seconds=30))

    judged = select(SecurityEvent).where(SecurityEvent.outcome == "wrong_password")
    assert len(list(db.session.scalars(judged))) <= 4 + 10


def test_tries_during_a_delay_do_not_prolong_it(client: FlaskClient, alice: User) -> None:
    guess(client, 5)
    before = blocked_for(alice)

    guess(client, 10)

    assert blocked_for(alice) <= before
    assert failures(alice) == 5


def test_all_doors_count_together(app: Application, client: FlaskClient, alice: User) -> None:
    for door in SIGN_IN_DOORS.values():
        assert door(app.test_client(), ALICE, "wrong guess").status_code == 401

    assert failures(alice) == 5
    assert blocked_for(alice) > timedelta(0)


def test_wrong_present_passwords_count_like_failed_sign_ins(client: FlaskClient, alice: User) -> None:
    sign_in(client)
    client.delete_cookie("device")
    for n in range(5):
        post_form(
            client,
            "/change-password",
            current_password=f"wrong {n}",
            new_password=NEW_PASSWORD,
            confirm_password=NEW_PASSWORD,
        )

    assert blocked_for(alice) > timedelta(0)


def test_guesses_made_at_once_are_all_counted(app: Application, alice: User) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: login(app.test_client(), password=f"wrong {n}"), range(12)))

    assert failures(alice) >= 5
    assert login(app.test_client()).status_code == 401


def test_a_day_later_a_slip_is_the_first_again(client: FlaskClient, alice: User) -> None:
    guess(client, 8)
    with time_machine.travel(now() + timedelta(days=2), tick=False):
        assert login(client, password="a slip").status_code == 401
        assert login(client).status_code == 200


def test_a_stranger_cannot_keep_the_owner_out_of_a_known_browser(app: Application, alice: User) -> None:
    owners, strangers = app.test_client(), app.test_client()
    sign_in(owners)
    post_form(owners, "/logout", page="/")
    guess(strangers, 9)

    assert login(strangers).status_code == 401
    assert sign_in(owners).headers["Location"] == "/"
    assert "Hello, Alice" in owners.get("/").text


def test_a_known_browser_has_a_budget_of_its_own(app: Application, alice: User) -> None:
    browser = app.test_client()
    sign_in(browser)
    post_form(browser, "/logout", page="/")
    for n in range(5):
        sign_in(browser, password=f"wrong {n}")

    assert sign_in(browser).status_code == 401, "a thief of the device guesses no faster"
    assert login(app.test_client()).status_code == 200, "and the account is not delayed by it"


def test_a_known_browser_of_one_account_is_a_stranger_to_another(app: Application, alice: User) -> None:
    register = {"email": MALLORY, "password": "four borrowed lanterns"}
    app.test_client().post("/api/v1/auth/register", json=register)
    browser = app.test_client()
    sign_in(browser, MALLORY, register["password"])
    post_form(browser, "/logout", page="/")
    for n in range(5):
        sign_in(browser, ALICE, f"wrong {n}")

    assert blocked_for(alice) > timedelta(0)


def test_a_changed_password_makes_known_browsers_strangers(app: Application, alice: User, delivered: Delivered) -> None:
    thieves, owners = app.test_client(), app.test_client()
    sign_in(thieves)
    reset(owners, delivered)
    post_form(thieves, "/login", email=ALICE, password="wrong")

    assert failures(alice) == 1


def test_a_forged_device_cookie_is_no_device(app: Application, alice: User) -> None:
    browser = app.test_client()
    browser.set_cookie("device", "WyJBQUFBIiwiIl0.forged.signature")

    sign_in(browser, password="wrong")

    assert failures(alice) == 1


def test_a_finished_reset_ends_the_delay_and_makes_the_browser_known(
    app: Application, alice: User, delivered: Delivered
) -> None:
    strangers, owners = app.test_client(), app.test_client()
    guess(strangers, 7)
    reset(owners, delivered)
    assert blocked_for(alice) == timedelta(0)

    guess(strangers, 7)
    assert sign_in(owners, password=NEW_PASSWORD).status_code == 303


def test_a_sign_in_clears_the_count(client: FlaskClient, alice: User) -> None:
    guess(client, 4)
    login(client)
    guess(client, 4)

    assert login(client).status_code == 200


def test_the_owner_is_told_once(client: FlaskClient, alice: User, delivered: Delivered) -> None:
    with time_machine.travel("2026-11-21T12:00:00Z", tick=False) as travel:
        for n in range(12):
            login(client, password=f"wrong {n}")
            travel.shift(timedelta(minutes=16))
        mails = [mail for mail in delivered() if "guessing" in mail.subject]

    assert len(mails) == 1
    assert mails[0].to == ALICE
    assert "/not-me?token=" in mails[0].text


def test_nobody_is_told_of_guesses_at_an_address_without_account(client: FlaskClient, delivered: Delivered) -> None:
    for n in range(8):
        login(client, MALLORY, f"wrong {n}")

    assert delivered() == []


def test_asking_for_links_delays_nobody(client: FlaskClient, alice: User) -> None:
    tokens = login(client).get_json()
    for _ in range(20):
        forgot(client)

    assert login(client).status_code == 200
    alive = client.get("/api/v1/auth/me", headers=bearer(tokens["access_token"]))
    assert alive.status_code == 200


def test_a_delay_ends_no_session(app: Application, alice: User) -> None:
    access = login(app.test_client()).get_json()["access_token"]
    guess(app.test_client(), 9)

    alive = app.test_client().get("/api/v1/auth/me", headers=bearer(access))
    assert alive.status_code == 200


def test_a_disabled_account_reads_like_a_wrong_password(client: FlaskClient, alice: User) -> None:
    wrong = login(client, password="wrong").get_json()
    db.session.execute(update(User).values(disabled_at=now()))
    db.session.commit()

    answer = login(client)

    assert answer.status_code == 401
    assert {**answer.get_json(), "timestamp": ""} == {**wrong, "timestamp": ""}


def reset(browser: FlaskClient, delivered: Delivered) -> None:
    """Reset Alice's password in a browser."""
    forgot(browser)
    token = token_in(next(mail for mail in delivered() if "/reset-password?token=" in mail.text))
    browser.get(f"/reset-password?token={token}")
    done = post_form(browser, "/reset-password", password=NEW_PASSWORD, confirm_password=NEW_PASSWORD)
    assert done.status_code == 303, done.text
