"""Who is told of a sign-in: the owner, where the device is new to the account, a few times an hour at most."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from chirp_auth.accounts import new_sign_ins, registration, sign_in
from chirp_auth.accounts.registration import Applicant
from chirp_auth.clock import now
from chirp_auth.errors import InvalidCredentials
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail import rendering
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import OutboxEntry, User
from chirp_auth.security.client import Client
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT, on_one_database, token_in
from tests.security.test_not_me import object_with
from tests.support.together import OK, in_threads
from tests.support.visitor import forgot, login, post_form
from tests.support.visitor import sign_in as sign_in_by_form

Delivered = Callable[[], list[Mail]]
SUBJECT = "New sign-in to your Chirpworks account"
CURL = replace(TEST_CLIENT, user_agent="curl/8.5.0")
BIRD_APP = replace(TEST_CLIENT, user_agent="BirdApp/1.0 (build 7)")

pytestmark = pytest.mark.settings(rate_limits_enabled=False, web_threads=12)


@pytest.fixture
def settled(alice: User) -> User:
    """Alice, who has signed in before with the client of the tests."""
    signs_in(TEST_CLIENT)
    return alice


def signs_in(client: Client, email: str = ALICE) -> None:
    """Sign in as a request does, with a database session of its own."""
    sign_in.sign_in(email, PASSWORD, client)
    db.session.remove()


def notices() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(OutboxEntry.kind == new_sign_ins.KIND)) or 0


def test_an_app_of_a_new_kind_is_told_once(settled: User, delivered: Delivered) -> None:
    signs_in(CURL)
    signs_in(CURL)
    signs_in(replace(CURL, user_agent="curl/9.0.1", ip="198.51.100.4"))

    (mail,) = delivered()
    assert (mail.to, mail.subject) == (ALICE, SUBJECT)
    for part in (mail.text, mail.html):
        assert "curl" in part
        assert "192.0.2.x" in part
        assert "/not-me?token=" in part


def test_an_app_without_a_name_we_know_is_known_by_its_own(settled: User) -> None:
    signs_in(BIRD_APP)
    signs_in(replace(BIRD_APP, user_agent="BirdApp/2.0 (build 9)", ip="198.51.100.4"))
    assert notices() == 1

    signs_in(replace(BIRD_APP, user_agent="OtherApp/1.0"))
    assert notices() == 2


def test_the_first_sign_in_after_registration_is_told_to_nobody(app: Application, client: FlaskClient) -> None:
    registration.register(Applicant(MALLORY, PASSWORD), TEST_CLIENT)
    db.session.execute(update(User).values(email_verified_at=now()))
    db.session.commit()

    sign_in_by_form(client, MALLORY)
    assert notices() == 0

    sign_in_by_form(app.test_client(), MALLORY)
    assert notices() == 1


def test_a_first_sign_in_long_after_registration_is_told(app: Application) -> None:
    registration.register(Applicant(MALLORY, PASSWORD), TEST_CLIENT)
    db.session.execute(update(User).values(email_verified_at=now()))
    db.session.commit()

    with time_machine.travel(now() + timedelta(days=2)):
        signs_in(CURL, MALLORY)

        assert notices() == 1


def test_an_unconfirmed_mailbox_gets_none(app: Application) -> None:
    registration.register(Applicant(MALLORY, PASSWORD), TEST_CLIENT)
    signs_in(TEST_CLIENT, MALLORY)
    signs_in(CURL, MALLORY)

    assert notices() == 0


def test_a_known_browser_is_not_told_of_and_another_is(app: Application, settled: User, client: FlaskClient) -> None:
    sign_in_by_form(client)
    assert notices() == 1

    post_form(client, "/logout", page="/")
    sign_in_by_form(client)
    assert notices() == 1

    sign_in_by_form(app.test_client(use_cookies=True))
    assert notices() == 1, "the same kind of browser at the same place, told within the hour"

    with time_machine.travel(now() + timedelta(hours=1, minutes=1)):
        sign_in_by_form(app.test_client())
        assert notices() == 2


def test_a_refresh_is_no_sign_in(settled: User, client: FlaskClient) -> None:
    tokens = login(client).get_json()
    assert notices() == 1
    with time_machine.travel(now() + timedelta(hours=2)):
        body = {"refresh_token": tokens["refresh_token"]}
        assert client.post("/api/v1/auth/refresh", json=body).status_code == 200

        assert notices() == 1


def test_after_a_reset_the_same_browser_is_known_and_every_other_is_new(
    app: Application, settled: User, client: FlaskClient, delivered: Delivered
) -> None:
    other = app.test_client()
    sign_in_by_form(other)
    assert notices() == 1
    forgot(client)
    link = next(mail for mail in delivered() if "/reset-password?" in mail.text)
    client.get(f"/reset-password?token={token_in(link)}")
    post_form(client, "/reset-password", password=NEW_PASSWORD, confirm_password=NEW_PASSWORD)

    sign_in_by_form(client, password=NEW_PASSWORD)
    assert notices() == 1

    with time_machine.travel(now() + timedelta(hours=2)):
        post_form(other, "/logout", page="/login")
        sign_in_by_form(other, password=NEW_PASSWORD)
        assert notices() == 2


def test_a_wrong_password_promises_nothing(settled: User) -> None:
    with pytest.raises(InvalidCredentials):
        sign_in.sign_in(ALICE, "wrong", CURL)

    assert notices() == 0


def test_no_more_than_a_few_leave_in_an_hour(settled: User) -> None:
    for n in range(6):
        signs_in(replace(CURL, user_agent=f"App{n}/1.0"))
    assert notices() == new_sign_ins.MAX_PER_HOUR

    with time_machine.travel(now() + timedelta(hours=1, minutes=1)):
        signs_in(replace(CURL, user_agent="AppX/1.0"))
        assert notices() == new_sign_ins.MAX_PER_HOUR + 1


def test_of_sign_ins_at_once_from_one_device_one_is_told(app: Application, settled: User) -> None:
    def attempt() -> None:
        signs_in(CURL)

    assert in_threads(app, [attempt] * 4) == [OK] * 4
    assert notices() == 1


def test_the_link_shuts_the_thief_out(app: Application, settled: User, delivered: Delivered) -> None:
    thief = app.test_client()
    sign_in_by_form(thief)

    object_with(app.test_client(), token_in(delivered()[0]))

    assert login(thief).status_code == 401


@on_one_database
def test_the_notice_is_in_the_language_that_the_owner_used_before(
    settled: User, delivered: Delivered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thief's browser asks for its own."""
    monkeypatch.setattr(rendering, "LANGUAGES", {"en": "English", "de": "Deutsch", "fr": "Français"})
    signs_in(replace(TEST_CLIENT, language="de"))

    signs_in(replace(CURL, language="fr"))

    assert delivered()[0].headers["Content-Language"] == "de"
