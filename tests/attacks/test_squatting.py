"""Squatting and pre-hijacking: whoever registers an address that is not theirs keeps nothing of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import update
from werkzeug.test import TestResponse

from chirp_auth.accounts import address_change, registration, sessions
from chirp_auth.accounts.registration import Applicant
from chirp_auth.admin import retention
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import OutboxEntry, SecurityEvent, Session, User
from chirp_auth.security.client import Client
from tests.conftest import TEST_CLIENT, token_in
from tests.support.visitor import bearer, login, post_form, press
from tests.web.conftest import words

Delivered = Callable[[], list[Mail]]

VICTIM, SQUATTERS_OWN = "victim@example.com", "squatter@example.org"
SQUATTERS, VICTIMS = "the squatter's long words", "nine calm otters swim"
FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
WORKER = Client(face="worker", actor="worker")


@pytest.fixture
def squatter(app: Application) -> FlaskClient:
    """A browser signed in to an account with the victim's address."""
    browser = app.test_client()
    post_form(browser, "/register", email=VICTIM, password=SQUATTERS, first_name="Visit evil.example", last_name="Now")
    assert is_signed_in(browser)
    return browser


def is_signed_in(browser: FlaskClient) -> bool:
    return browser.get("/change-password").status_code == 200


def link_in(mail: Mail, path: str) -> str:
    return next(link for link in mail.links if f"{path}?token=" in link).partition(".com")[2]


def open_link(browser: FlaskClient, mail: Mail, path: str = "/verify-email") -> TestResponse:
    return browser.get(link_in(mail, path), follow_redirects=True)


def confirm_with_new_password(browser: FlaskClient, password: str = VICTIMS, again: str | None = None) -> TestResponse:
    return post_form(browser, "/verify-email/new-password", password=password, confirm_password=again or password)


def user_of(email: str) -> User | None:
    db.session.remove()
    return db.session.query(User).filter_by(email=email).one_or_none()


def test_a_squatter_is_out_once_the_owner_of_the_mailbox_has_chosen_a_password(
    app: Application, squatter: FlaskClient, delivered: Delivered
) -> None:
    """The attack: register the victim's address, wait until they confirm it, and stay signed in."""
    in_the_app = login(app.test_client(), VICTIM, SQUATTERS).get_json()
    victim = app.test_client()
    assert "choose a new password" in words(open_link(victim, delivered()[0]))

    assert confirm_with_new_password(victim).location == "/login"

    assert not is_signed_in(squatter)
    refreshed = app.test_client().post("/api/v1/auth/refresh", json={"refresh_token": in_the_app["refresh_token"]})
    assert refreshed.status_code == 401
    assert login(app.test_client(), VICTIM, SQUATTERS).status_code == 401
    assert login(app.test_client(), VICTIM, VICTIMS).get_json()["user"]["email_verified"] is True
    assert delivered()[0].subject.startswith("Password Reset Successful")


def test_what_a_squatter_prepared_dies_with_the_confirmation(
    app: Application, squatter: FlaskClient, delivered: Delivered
) -> None:
    victims_mail = delivered()[0]
    post_form(squatter, "/change-address", email=SQUATTERS_OWN, password=SQUATTERS)
    prepared = delivered()[0]
    assert prepared.to == SQUATTERS_OWN
    victim = app.test_client()
    open_link(victim, victims_mail)
    confirm_with_new_password(victim)

    assert open_link(squatter, prepared, "/confirm-address").status_code == 404
    assert user_of(VICTIM)


def test_elsewhere_the_password_confirms_signs_in_and_ends_what_was_there(
    app: Application, squatter: FlaskClient, delivered: Delivered
) -> None:
    registered, telephone = squatter, app.test_client()
    open_link(telephone, delivered()[0])

    assert post_form(telephone, "/verify-email", password=SQUATTERS).location == "/"

    assert (is_signed_in(telephone), is_signed_in(registered)) == (True, False)
    assert login(app.test_client(), VICTIM, SQUATTERS).get_json()["user"]["email_verified"] is True


def test_a_wrong_password_confirms_nothing_and_the_link_stays_good(
    app: Application, squatter: FlaskClient, delivered: Delivered
) -> None:
    victim = app.test_client()
    open_link(victim, delivered()[0])

    refused = post_form(victim, "/verify-email", password=VICTIMS)

    assert (refused.status_code, "That is not the password of this account." in words(refused)) == (401, True)
    assert post_form(victim, "/verify-email", page="/verify-email").status_code == 400, "no password is none"
    assert confirm_with_new_password(victim, again="another one altogether").status_code == 400
    assert confirm_with_new_password(victim, "short").status_code == 400
    assert is_signed_in(squatter)
    assert (user := user_of(VICTIM)) and user.email_verified_at is None
    assert confirm_with_new_password(victim).location == "/login"


def test_in_the_browser_that_registered_one_button_confirms_and_nothing_ends(
    squatter: FlaskClient, app: Application, delivered: Delivered
) -> None:
    registered = squatter
    in_the_app = login(app.test_client(), VICTIM, SQUATTERS).get_json()["access_token"]
    assert "One click" in words(open_link(registered, delivered()[0]))

    post_form(registered, "/verify-email")

    assert is_signed_in(registered)
    me = app.test_client().get("/api/v1/auth/me", headers=bearer(in_the_app))
    assert me.get_json()["user"]["email_verified"] is True


def test_being_signed_in_to_another_account_is_not_being_signed_in_to_this_one(
    app: Application, squatter: FlaskClient, delivered: Delivered
) -> None:
    mail, other = delivered()[0], app.test_client()
    post_form(other, "/register", email="other@example.com", password=VICTIMS)
    assert "enter the password that you chose" in words(open_link(other, mail))

    assert post_form(other, "/verify-email").status_code == 400
    assert (user := user_of(VICTIM)) and user.email_verified_at is None


def test_a_link_that_has_confirmed_sets_no_password(
    app: Application, squatter: FlaskClient, delivered: Delivered
) -> None:
    mail, victim, later = delivered()[0], app.test_client(), app.test_client()
    for browser in (victim, later):
        open_link(browser, mail)
    page = later.get("/verify-email/new-password")
    assert page.status_code == 200
    form = {"password": "another long secret", "confirm_password": "another long secret"}
    confirm_with_new_password(victim)

    refused = press(later, "/verify-email/new-password", page.text, **form)

    assert refused.location == "/verify-email"
    assert "is confirmed" in words(later.get("/verify-email"))
    assert login(app.test_client(), VICTIM, VICTIMS).status_code == 200


def test_in_an_app_of_another_device_all_sessions_end(
    app: Application, squatter: FlaskClient, delivered: Delivered
) -> None:
    token = token_in(delivered()[0])
    strangers = login(app.test_client(), VICTIM, SQUATTERS).get_json()["access_token"]

    phone = {"User-Agent": "Okhttp/4.12"}
    answer = app.test_client().post("/api/v1/auth/verify-email", json={"token": token}, headers=phone)

    assert (answer.status_code, answer.get_json()["email"]) == (200, VICTIM)
    assert not is_signed_in(squatter)
    headers = bearer(strangers)
    assert app.test_client().get("/api/v1/auth/me", headers=headers).status_code == 401
    fresh = bearer(login(app.test_client(), VICTIM, SQUATTERS).get_json()["access_token"])
    again = app.test_client().post("/api/v1/auth/verify-email", json={"token": token}, headers=phone)
    assert again.status_code == 200
    assert app.test_client().get("/api/v1/auth/me", headers=fresh).status_code == 200, "a second time ends nothing"


@pytest.mark.parametrize("sends_its_token", [True, False])
def test_in_the_app_that_registered_its_session_stays(
    app: Application, delivered: Delivered, sends_its_token: bool
) -> None:
    phone = app.test_client()
    opened = phone.post("/api/v1/auth/register", json={"email": VICTIM, "password": VICTIMS}).get_json()
    headers = bearer(opened["access_token"])

    token = token_in(delivered()[0])
    phone.post("/api/v1/auth/verify-email", json={"token": token}, headers=headers if sends_its_token else {})

    assert phone.get("/api/v1/auth/me", headers=headers).get_json()["user"]["email_verified"] is True


@pytest.mark.settings(conceal_accounts=True)
def test_where_accounts_are_concealed_the_second_to_register_gets_the_account_by_mail(
    app: Application, delivered: Delivered
) -> None:
    for password in (SQUATTERS, VICTIMS):
        app.test_client().post("/api/v1/auth/register", json={"email": VICTIM, "password": password})
    victim = app.test_client()
    open_link(victim, delivered()[0])
    assert post_form(victim, "/verify-email", password=VICTIMS).status_code == 401, "the squatter was first"

    confirm_with_new_password(victim)

    assert login(app.test_client(), VICTIM, SQUATTERS).status_code == 401
    assert login(app.test_client(), VICTIM, VICTIMS).status_code == 200


def test_the_mail_says_when_and_from_where_and_nothing_that_a_stranger_typed(
    app: Application, squatter: FlaskClient, delivered: Delivered
) -> None:
    post_form(squatter, "/verify-email/new-link", page="/")

    for mail in delivered():
        assert "Hello,\n" in mail.text
        for part in (mail.text, mail.html, mail.subject):
            assert "evil" not in part
            assert "victim" not in part.replace(VICTIM, "").lower()
        assert "Registered on " in mail.text
        assert "network 127.0.0.x." in " ".join(mail.text.split())


def test_this_was_not_me_deletes_the_account(app: Application, squatter: FlaskClient, delivered: Delivered) -> None:
    victim, mail = app.test_client(), delivered()[0]
    assert "Did you not register?" in words(open_link(victim, mail, "/not-registered"))
    assert user_of(VICTIM), "opening it changes nothing"

    assert post_form(victim, "/not-registered").location == "/not-registered/done"

    assert user_of(VICTIM) is None
    assert not is_signed_in(squatter)
    deletion = db.session.query(SecurityEvent).filter_by(kind="user.deleted").one()
    assert (deletion.outcome, (deletion.detail or {})["reason"]) == ("ok", "unwanted registration")
    assert db.session.query(SecurityEvent).filter_by(kind="user.registered").one().ip is None
    assert db.session.query(OutboxEntry).filter_by(recipient=VICTIM).count() == 0, "nothing at rest names the victim"
    assert open_link(victim, mail, "/not-registered").status_code == 404
    assert (
        app.test_client().post("/api/v1/auth/register", json={"email": VICTIM, "password": VICTIMS}).status_code == 201
    )


def test_this_was_not_me_deletes_no_account_that_somebody_confirmed_or_locked(
    app: Application, squatter: FlaskClient, delivered: Delivered
) -> None:
    mail, victim = delivered()[0], app.test_client()
    open_link(victim, mail, "/not-registered")
    db.session.execute(update(User).values(disabled_at=now()))
    db.session.commit()
    assert open_link(victim, mail, "/not-registered").status_code == 404
    db.session.execute(update(User).values(disabled_at=None))
    db.session.commit()
    db.session.remove()
    open_link(squatter, mail)
    post_form(squatter, "/verify-email")

    assert open_link(victim, mail, "/not-registered").status_code == 410
    assert user_of(VICTIM)


def test_an_account_that_nobody_confirms_is_deleted_after_seven_days(
    app: Application, squatter: FlaskClient, delivered: Delivered
) -> None:
    delivered()
    with time_machine.travel(now() + timedelta(days=6, hours=23)):
        assert retention.count()["users"] == 0
    with time_machine.travel(now() + timedelta(days=7, minutes=1)):
        assert retention.purge(WORKER)["users"] == 1

    assert user_of(VICTIM) is None
    [event] = db.session.query(SecurityEvent).filter_by(kind="user.deleted")
    assert event.detail
    assert (event.detail["reason"], event.email_digest is not None) == ("never confirmed", True)
    of_registration = db.session.query(SecurityEvent).filter_by(kind="user.registered").one()
    assert of_registration.user_id == event.user_id
    assert (of_registration.ip, of_registration.user_agent) == (None, None), "erased, as by `user delete`"
    assert db.session.query(OutboxEntry).filter_by(recipient=VICTIM).count() == 0


@pytest.mark.parametrize("kept", ["confirmed", "reset", "created", "moved", "support", "imported", "locked"])
def test_no_other_account_is_deleted(
    app: Application, runner: FlaskCliRunner, tmp_path: Any, delivered: Delivered, kept: str
) -> None:
    """Neither one that was once confirmed, nor one that an operator made, moved or locked."""
    if kept == "created":
        registration.create(Applicant(VICTIM, VICTIMS), TEST_CLIENT)
    elif kept == "imported":
        (tmp_path / "users.csv").write_text(f"email,email_verified\n{VICTIM},false\n", encoding="utf-8")
        assert runner.invoke(args=["auth", "user", "import", str(tmp_path / "users.csv")]).exit_code == 0
    else:
        registration.register(Applicant(VICTIM, VICTIMS), TEST_CLIENT)
    address = VICTIM
    if kept == "confirmed":
        app.test_client().post("/api/v1/auth/verify-email", json={"token": token_in(delivered()[0])})
    elif kept == "reset":
        app.test_client().post("/api/v1/auth/forgot-password", json={"email": VICTIM})
        body = {"new_password": SQUATTERS, "confirm_password": SQUATTERS}
        headers = bearer(token_in(delivered()[0]))
        assert app.test_client().post("/api/v1/auth/reset-password", json=body, headers=headers).status_code == 200
    elif kept == "moved":
        user = user_of(VICTIM)
        assert user
        address_change.request_change(sessions.add(user, TEST_CLIENT), VICTIMS, SQUATTERS_OWN, TEST_CLIENT)
        address_change.confirm_change(token_in(delivered()[0]), TEST_CLIENT)
        address = SQUATTERS_OWN
    elif kept == "support":
        assert runner.invoke(args=["auth", "user", "set-email", VICTIM, SQUATTERS_OWN, "--yes"]).exit_code == 0
        address = SQUATTERS_OWN
    elif kept == "locked":
        assert runner.invoke(args=["auth", "user", "lock", VICTIM, "--yes"]).exit_code == 0
    if kept == "created":
        db.session.execute(update(User).values(email_verified_at=None))
        db.session.commit()

    with time_machine.travel(now() + timedelta(days=400)):
        assert retention.purge(WORKER, timedelta())["users"] == 0

    assert user_of(address)


def leave(email: str, delivered: Delivered) -> None:
    """Register, and leave the address for another one."""
    opened = registration.register(Applicant(email, SQUATTERS), TEST_CLIENT)
    assert isinstance(opened, Session)
    address_change.request_change(opened, SQUATTERS, SQUATTERS_OWN, TEST_CLIENT)
    address_change.confirm_change(token_in(delivered()[0]), TEST_CLIENT)
    db.session.remove()


def test_an_address_that_was_never_confirmed_is_kept_for_nobody(app: Application, delivered: Delivered) -> None:
    """The attack: register the victim's address and leave it, again and again; the victim was refused for ever."""
    leave(VICTIM, delivered)

    answer = app.test_client().post("/api/v1/auth/register", json={"email": VICTIM, "password": VICTIMS})

    assert answer.status_code == 201


def test_operators_are_told_that_an_address_is_reserved(
    app: Application, runner: FlaskCliRunner, tmp_path: Any, delivered: Delivered
) -> None:
    mover = registration.create(Applicant(VICTIM, SQUATTERS), TEST_CLIENT)
    address_change.request_change(sessions.add(mover, TEST_CLIENT), SQUATTERS, SQUATTERS_OWN, TEST_CLIENT)
    address_change.confirm_change(token_in(delivered()[0]), TEST_CLIENT)
    registration.create(Applicant("other@example.com", VICTIMS), TEST_CLIENT)
    (tmp_path / "users.csv").write_text(f"email\nnew@example.com\n{VICTIM}\n", encoding="utf-8")
    imported = ["user", "import", str(tmp_path / "users.csv")]

    for command in (
        ["user", "create", VICTIM, "--invite"],
        ["user", "create", VICTIM],
        ["user", "set-email", "other@example.com", VICTIM, "--yes"],
        [*imported, "--dry-run"],
        imported,
    ):
        result = runner.invoke(args=["auth", *command], input=f"{VICTIMS}\n")
        assert result.exit_code in (1, 4), (command, result.output)
        assert "may still come back to it" in result.output + result.stderr, command
    assert user_of(VICTIM) is None
    assert user_of("new@example.com"), "the other lines of an import are imported"

    back = runner.invoke(args=["auth", "user", "set-email", SQUATTERS_OWN, VICTIM, "--yes"])
    assert back.exit_code == 0, "whose it was may have it back"
