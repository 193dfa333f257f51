"""The download of one's own data: whole, the owner's alone, told by mail, and nothing in it that opens a door."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from chirp_auth.accounts import address_change, personal_data
from chirp_auth.accounts import sign_in as rule
from chirp_auth.accounts.factors import factor_recovery
from chirp_auth.errors import InvalidCredentials, RateLimitExceeded
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import AuthenticatorApp, RecoveryCode, Session, User
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT, events, token_in
from tests.support.factors import RECOVERY_CODES, with_authenticator, with_passkey
from tests.support.together import OK, in_threads
from tests.support.visitor import forgot, login, post_form, sign_in

Delivered = Callable[[], list[Mail]]
NEW = "alice@new.example.com"

pytestmark = pytest.mark.settings(rate_limits_enabled=False)


@pytest.fixture
def browser(app: Application, alice: User) -> FlaskClient:
    """Alice's browser, signed in."""
    browser = app.test_client()
    sign_in(browser)
    return browser


def download(browser: FlaskClient, password: str = PASSWORD) -> TestResponse:
    return post_form(browser, "/download-data", password=password)


def data_of(answer: TestResponse) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(answer.text)
    return data


def test_it_is_a_file_with_everything(app: Application, browser: FlaskClient, delivered: Delivered) -> None:
    login(app.test_client())
    post_form(browser, "/change-address", email=NEW, password=PASSWORD)
    address_change.confirm_change(token_in(delivered()[0]), TEST_CLIENT)
    sign_in(browser, NEW)

    answer = download(browser)

    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="account-data.json"'
    assert answer.headers["Cache-Control"] == "no-store"
    data = data_of(answer)
    account = data["account"]
    assert (account["email"], account["first_name"], account["last_name"]) == (NEW, "Alice", "Archer")
    assert {session["face"] for session in data["sessions"]} == {"browser", "api"}
    assert len(data["sessions"]) == 3
    assert [(change["old_email"], change["new_email"]) for change in data["address_changes"]] == [(ALICE, NEW)]
    assert len(data["known_devices"]) == 2
    kinds = [event["kind"] for event in data["events"]]
    assert kinds[0] == "data.downloaded"
    assert {"user.created", "session.signed_in", "address_change.done"} <= set(kinds)
    assert data["older_events_left_out"] is False


def test_it_lists_the_second_factors_without_their_secrets(browser: FlaskClient, alice: User) -> None:
    answer_before = data_of(download(browser))
    assert (answer_before["authenticator_app"], answer_before["passkeys"]) == (None, [])
    secret = with_authenticator(alice)
    with_passkey(alice)
    factor_recovery.start(alice, TEST_CLIENT, proved="link")

    answer = download(browser)

    data = data_of(answer)
    assert data["authenticator_app"].keys() == {"created_at", "confirmed_at", "last_used_at"}
    assert [code["used_at"] for code in data["recovery_codes"]] == [None, None]
    assert [passkey["name"] for passkey in data["passkeys"]] == ["Phone"]
    assert [recovery["cancelled_at"] for recovery in data["factor_recoveries"]] == [None]
    sealed = [*db.session.scalars(select(AuthenticatorApp.secret)), *db.session.scalars(select(RecoveryCode.digest))]
    assert not [text for text in (secret, *RECOVERY_CODES, *sealed) if text in answer.text]


def test_nothing_in_it_opens_a_door(app: Application, browser: FlaskClient, alice: User, delivered: Delivered) -> None:
    forgot(app.test_client())
    reset = token_in(delivered()[0])
    cookies = [browser.get_cookie(name) for name in ("session", "device")]

    text = download(browser).text

    user = db.session.get_one(User, alice.id, populate_existing=True)
    secrets = [user.password_hash, reset, *(cookie and cookie.value for cookie in cookies)]
    assert len(secrets) == len(list(filter(None, secrets)))
    assert not [secret for secret in secrets if secret and secret in text]
    assert "hash" not in text
    assert "digest" not in text
    assert "salt" not in text
    assert "credential_version" not in text


def test_nothing_of_others_is_in_it(app: Application, browser: FlaskClient) -> None:
    post_form(app.test_client(), "/register", email=MALLORY, password=NEW_PASSWORD)

    data = data_of(download(browser))

    assert len(data["sessions"]) == 1
    assert MALLORY not in json.dumps(data)
    assert "user.registered" not in {event["kind"] for event in data["events"]}


def test_the_owner_is_told(browser: FlaskClient, delivered: Delivered) -> None:
    download(browser)

    (mail,) = delivered()

    assert (mail.to, mail.subject) == (ALICE, "Your Chirpworks data was downloaded")
    for part in (mail.text, mail.html):
        assert "127.0.0.x" in part
        assert "/not-me?token=" in part


def test_a_wrong_password_gets_nothing_and_counts(browser: FlaskClient, alice: User, delivered: Delivered) -> None:
    for _ in range(5):
        answer = download(browser, "wrong")

    assert answer.status_code == 401
    assert "That is not your password." in answer.text
    assert events("data.downloaded") == ["wrong_password"] * 5
    assert download(browser).status_code == 401, "the right password has to wait too"
    assert delivered() == []


def test_it_wants_our_own_page_and_somebody_signed_in(app: Application, browser: FlaskClient) -> None:
    assert browser.post("/download-data", data={"password": PASSWORD}).status_code == 400
    assert app.test_client().get("/download-data").headers["Location"] == "/login"


@pytest.mark.settings(rate_limits_enabled=True)
def test_it_has_one_budget_with_signing_in(browser: FlaskClient) -> None:
    for _ in range(29):
        sign_in(browser.application.test_client(), MALLORY, "wrong")

    assert download(browser).status_code == 429
    assert post_form(browser, "/delete-account", password=PASSWORD).status_code == 429
    assert browser.get("/delete-account").status_code == 200


def test_an_account_is_downloaded_three_times_an_hour(app: Application, alice: User, delivered: Delivered) -> None:
    session_id = rule.sign_in(ALICE, PASSWORD, TEST_CLIENT).id

    def call() -> object:
        return personal_data.download(db.session.get_one(Session, session_id), PASSWORD, TEST_CLIENT)

    outcomes = in_threads(app, [call] * 5)

    assert sorted(outcomes) == [RateLimitExceeded.__name__] * 2 + [OK] * 3
    assert sorted(events("data.downloaded")) == ["ok"] * 3 + ["too_many"] * 2
    assert len(delivered()) == 3


def test_a_flood_of_events_does_not_fill_the_memory(
    app: Application, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(personal_data, "MAX_EVENTS", 3)
    for _ in range(4):
        with pytest.raises(InvalidCredentials):
            rule.sign_in(ALICE, "wrong", TEST_CLIENT)

    data = personal_data.download(rule.sign_in(ALICE, PASSWORD, TEST_CLIENT), PASSWORD, TEST_CLIENT)

    assert [event["kind"] for event in data["events"]] == ["data.downloaded", "session.signed_in", "session.signed_in"]
    assert data["older_events_left_out"] is True
