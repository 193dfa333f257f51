"""Changing the address: with the password, confirmed in the new mailbox, and taken back from the old one."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chirp_auth.accounts import address_change, password_reset, registration
from chirp_auth.accounts import sign_in as rule
from chirp_auth.accounts.registration import Applicant
from chirp_auth.clock import now
from chirp_auth.errors import EmailTaken
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import Session, User
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT, token_in
from tests.security.test_not_me import not_me_token, object_with
from tests.support.together import OK, in_threads
from tests.support.visitor import bearer, forgot, login, post_form, sign_in

Delivered = Callable[[], list[Mail]]

NEW = "alice@new.example.com"

pytestmark = pytest.mark.settings(rate_limits_enabled=False)


@pytest.fixture
def browser(app: Application, alice: User) -> FlaskClient:
    """Alice's browser, signed in."""
    browser = app.test_client()
    sign_in(browser)
    return browser


def ask(browser: FlaskClient, email: str = NEW, password: str = PASSWORD) -> TestResponse:
    return post_form(browser, "/change-address", email=email, password=password)


def confirm(browser: FlaskClient, token: str) -> TestResponse:
    browser.get(f"/confirm-address?token={token}")
    return post_form(browser, "/confirm-address")


def address_of(user: User) -> str:
    return db.session.get_one(User, user.id, populate_existing=True).email


def test_the_link_in_the_new_mailbox_changes_the_address(
    browser: FlaskClient, app: Application, alice: User, delivered: Delivered
) -> None:
    ask(browser)
    mail = delivered()[0]
    assert mail.to == NEW
    assert address_of(alice) == ALICE

    confirm(app.test_client(), token_in(mail))

    assert address_of(alice) == NEW
    assert login(browser, NEW).status_code == 200
    assert login(browser, ALICE).status_code == 401


def test_a_wrong_password_asks_for_nothing_and_counts(browser: FlaskClient, alice: User, delivered: Delivered) -> None:
    answer = ask(browser, password="wrong")

    assert answer.status_code == 401
    assert delivered() == []


def test_a_session_alone_is_not_enough(browser: FlaskClient, alice: User) -> None:
    assert ask(browser, password="").status_code == 400
    assert address_of(alice) == ALICE


def test_opening_the_link_changes_nothing(browser: FlaskClient, alice: User, delivered: Delivered) -> None:
    ask(browser)
    token = token_in(delivered()[0])
    browser.head(f"/confirm-address?token={token}", follow_redirects=True)
    browser.get(f"/confirm-address?token={token}", follow_redirects=True)

    assert address_of(alice) == ALICE


def test_the_change_ends_sessions_and_links(
    browser: FlaskClient, app: Application, alice: User, delivered: Delivered
) -> None:
    access = login(app.test_client()).get_json()["access_token"]
    forgot(browser)
    link = token_in(delivered()[0])
    ask(browser)
    confirm(app.test_client(), token_in(delivered()[0]))

    assert browser.get("/change-address").status_code == 303
    assert browser.get("/api/v1/auth/me", headers=bearer(access)).status_code == 401
    assert app.test_client().get(f"/reset-password?token={link}", follow_redirects=True).status_code == 404


def test_both_addresses_are_told(browser: FlaskClient, app: Application, alice: User, delivered: Delivered) -> None:
    ask(browser)
    confirm(app.test_client(), token_in(delivered()[0]))

    told = [mail for mail in delivered() if "was changed" in mail.subject]

    assert {mail.to for mail in told} == {ALICE, NEW}
    assert all("/not-me?token=" in mail.text for mail in told)


def test_the_old_address_takes_the_change_back_for_seven_days(
    browser: FlaskClient, app: Application, alice: User, delivered: Delivered
) -> None:
    ask(browser)
    confirm(app.test_client(), token_in(delivered()[0]))
    undo = not_me_token([mail for mail in delivered() if mail.to == ALICE])

    with time_machine.travel(now() + timedelta(days=6, hours=23)):
        object_with(app.test_client(), undo)
        assert address_of(alice) == ALICE
        assert login(app.test_client(), NEW).status_code == 401
        assert login(app.test_client(), ALICE).status_code == 401, "the password was known to whoever changed it"
        reset = delivered()[0]
        assert reset.to == ALICE
        assert "/reset-password?token=" in reset.text


def test_a_reset_through_the_new_address_does_not_stop_the_old_one(
    browser: FlaskClient, app: Application, alice: User, delivered: Delivered
) -> None:
    ask(browser)
    confirm(app.test_client(), token_in(delivered()[0]))
    undo = not_me_token([mail for mail in delivered() if mail.to == ALICE])
    with time_machine.travel(now() + timedelta(minutes=5)):
        forgot(app.test_client(), NEW)
        stolen = token_in(delivered()[0])
        password_reset.reset_password(stolen, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)

        object_with(app.test_client(), undo)

        assert address_of(alice) == ALICE
        assert login(app.test_client(), NEW, NEW_PASSWORD).status_code == 401


def test_a_reset_before_the_change_ends_earlier_notices(
    browser: FlaskClient, app: Application, alice: User, delivered: Delivered
) -> None:
    for n in range(5):
        login(app.test_client(), password=f"wrong {n}")
    earlier = not_me_token(delivered())
    with time_machine.travel(now() + timedelta(hours=1)):
        forgot(app.test_client(), ALICE)
        password_reset.reset_password(token_in(delivered()[0]), PASSWORD[::-1], PASSWORD[::-1], TEST_CLIENT)
    with time_machine.travel(now() + timedelta(hours=2)):
        login_again = app.test_client()
        sign_in(login_again, password=PASSWORD[::-1])
        ask(login_again, password=PASSWORD[::-1])
        asked = next(mail for mail in delivered() if "/confirm-address?" in mail.text)
        confirm(app.test_client(), token_in(asked))

        answer = app.test_client().get(f"/not-me?token={earlier}", follow_redirects=True)

        assert answer.status_code == 410
        assert address_of(alice) == NEW


def test_nobody_else_gets_the_old_address_while_it_can_be_taken_back(
    browser: FlaskClient, app: Application, alice: User, delivered: Delivered
) -> None:
    ask(browser)
    confirm(app.test_client(), token_in(delivered()[0]))
    undo = not_me_token([mail for mail in delivered() if mail.to == ALICE])

    for _ in range(2):
        with pytest.raises(EmailTaken):
            registration.register(Applicant(ALICE, PASSWORD), TEST_CLIENT)
    object_with(app.test_client(), undo)
    assert address_of(alice) == ALICE


def test_after_seven_days_the_old_address_is_free(
    browser: FlaskClient, app: Application, alice: User, delivered: Delivered
) -> None:
    ask(browser)
    confirm(app.test_client(), token_in(delivered()[0]))

    with time_machine.travel(now() + timedelta(days=7, minutes=1)):
        assert registration.register(Applicant(ALICE, PASSWORD), TEST_CLIENT)


def test_after_seven_days_it_is_too_late(
    browser: FlaskClient, app: Application, alice: User, delivered: Delivered
) -> None:
    ask(browser)
    confirm(app.test_client(), token_in(delivered()[0]))
    undo = not_me_token([mail for mail in delivered() if mail.to == ALICE])

    with time_machine.travel(now() + timedelta(days=7, minutes=1)):
        assert app.test_client().get(f"/not-me?token={undo}", follow_redirects=True).status_code == 410
    assert address_of(alice) == NEW


def test_a_chain_of_changes_is_taken_back_to_its_beginning(
    browser: FlaskClient, app: Application, alice: User, delivered: Delivered
) -> None:
    thief = app.test_client()
    ask(browser, "first@thief.example.com")
    confirm(thief, token_in(delivered()[0]))
    undo = not_me_token([mail for mail in delivered() if mail.to == ALICE])
    sign_in(thief, "first@thief.example.com")
    ask(thief, "second@thief.example.com")
    confirm(thief, token_in(delivered()[0]))
    thiefs = not_me_token([mail for mail in delivered() if mail.to == "first@thief.example.com"])

    object_with(app.test_client(), undo)

    assert address_of(alice) == ALICE
    answer = app.test_client().get(f"/not-me?token={thiefs}", follow_redirects=True)
    assert answer.status_code == 404, "the thief's own notices open nothing afterwards"


def test_a_notice_sent_before_the_thief_changed_the_address_brings_it_back(
    app: Application, alice: User, delivered: Delivered
) -> None:
    for n in range(5):
        login(app.test_client(), password=f"wrong {n}")
    earlier = not_me_token(delivered())
    with time_machine.travel(now() + timedelta(hours=1)):
        thief = app.test_client()
        sign_in(thief)
        ask(thief, "first@thief.example.com")
        confirm(thief, token_in(delivered()[0]))

        object_with(app.test_client(), earlier)

        assert address_of(alice) == ALICE
        assert delivered()[0].to == ALICE


def test_whether_the_new_address_is_taken_is_told_to_nobody(
    browser: FlaskClient, alice: User, delivered: Delivered
) -> None:
    registration.create(Applicant("bystander@example.com", "four borrowed lanterns"), TEST_CLIENT)

    taken, free = ask(browser, "bystander@example.com"), ask(browser, "free@example.com")

    assert (taken.status_code, taken.headers["Location"]) == (free.status_code, free.headers["Location"])
    assert [mail.to for mail in delivered()] == ["free@example.com"]


def test_an_address_taken_meanwhile_is_not_taken_away(
    browser: FlaskClient, app: Application, alice: User, delivered: Delivered
) -> None:
    ask(browser)
    token = token_in(delivered()[0])
    registration.create(Applicant(NEW, "four borrowed lanterns"), TEST_CLIENT)

    assert confirm(app.test_client(), token).status_code == 404
    assert address_of(alice) == ALICE


def test_the_link_works_once_and_for_a_day(
    browser: FlaskClient, app: Application, alice: User, delivered: Delivered
) -> None:
    ask(browser)
    token = token_in(delivered()[0])
    with time_machine.travel(now() + timedelta(days=1, minutes=1)):
        assert app.test_client().get(f"/confirm-address?token={token}", follow_redirects=True).status_code == 410
    confirm(app.test_client(), token)

    assert app.test_client().get(f"/confirm-address?token={token}", follow_redirects=True).status_code == 410


def test_a_changed_password_voids_the_link(
    browser: FlaskClient, app: Application, alice: User, delivered: Delivered
) -> None:
    ask(browser)
    token = token_in(delivered()[0])
    changed = {"current_password": PASSWORD, "new_password": "some violet anvils"}
    post_form(browser, "/change-password", confirm_password="some violet anvils", **changed)

    assert app.test_client().get(f"/confirm-address?token={token}", follow_redirects=True).status_code == 404


@pytest.mark.settings(web_threads=44)
def test_of_requests_at_once_no_more_than_three_are_mailed(app: Application, alice: User) -> None:
    session_id = rule.sign_in(ALICE, PASSWORD, TEST_CLIENT).id

    def request(n: int) -> None:
        session = db.session.get_one(Session, session_id)
        address_change.request_change(session, PASSWORD, f"somebody{n}@example.com", TEST_CLIENT)

    ended = in_threads(app, [partial(request, n) for n in range(8)])

    assert sorted(ended) == [*["RateLimitExceeded"] * 5, *[OK] * 3]


def test_an_account_mails_no_flood_to_strangers(browser: FlaskClient, alice: User, delivered: Delivered) -> None:
    statuses = [ask(browser, f"somebody{n}@example.com").status_code for n in range(5)]

    assert statuses == [303, 303, 303, 429, 429]
    assert len(delivered()) == 3
