"""Passkeys in a browser, by a software authenticator in place of the script."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient

from chirp_auth.accounts.factors import passkeys as rule
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.models import User
from chirp_auth.web.factors.passkey_answers import answer_in
from tests.conftest import ALICE, PASSWORD, events, on_one_database
from tests.support.authenticator import Authenticator
from tests.support.factors import with_authenticator
from tests.support.visitor import csrf_token, post_form, sign_in


@pytest.fixture
def browser(client: FlaskClient, alice: User) -> FlaskClient:
    """A browser in which Alice has just signed in."""
    sign_in(client)
    return client


def begin(browser: FlaskClient, path: str, page: str) -> tuple[dict[str, Any], str]:
    """Ask for options as the script does; return them with the page's token."""
    token = csrf_token(browser.get(page).text)
    answer = browser.post(path, data={"csrf_token": token})
    assert answer.status_code == 200, answer.text
    return answer.get_json(), token


def add(browser: FlaskClient, key: Authenticator, name: str = "") -> Any:
    began, token = begin(browser, "/passkeys/add/options", "/passkeys/add")
    credential = json.dumps(key.register(began["options"]))
    fields = {"csrf_token": token, "state": began["state"], "credential": credential, "name": name}
    return browser.post("/passkeys/add", data=fields)


def sign_in_by(browser: FlaskClient, key: Authenticator, **fields: str) -> Any:
    began, token = begin(browser, "/login/passkey/options", "/login")
    credential = json.dumps(key.answer(began["options"]))
    data = {"csrf_token": token, "state": began["state"], "credential": credential, **fields}
    return browser.post("/login/passkey", data=data)


def answer_at(browser: FlaskClient, page: str, key: Authenticator) -> Any:
    """Answer with a passkey on a page that offers it in place of a code."""
    began, token = begin(browser, f"{page}/passkey/options", page)
    data = {"csrf_token": token, "state": began["state"], "credential": json.dumps(key.answer(began["options"]))}
    return browser.post(f"{page}/passkey", data=data)


def test_from_adding_to_removing(app: Application, browser: FlaskClient) -> None:
    key = Authenticator()

    answer = add(browser, key, "My <phone>")
    assert (answer.status_code, answer.location) == (303, "/passkeys")
    page = browser.get("/passkeys").text
    assert "My &lt;phone&gt;" in page
    assert "Synced" in page and "Not used yet" in page

    elsewhere = app.test_client()
    assert sign_in_by(elsewhere, key).location == "/"
    assert "Hello, Alice" in elsewhere.get("/").text

    path = re.search(r'"(/passkeys/[0-9a-f-]+)/rename"', page)[1]  # type: ignore[index]
    assert post_form(browser, f"{path}/rename", name="Telephone").location == "/passkeys"
    assert "Telephone" in browser.get("/passkeys").text

    assert post_form(browser, f"{path}/remove").location == "/passkeys"
    assert "You have none yet." in browser.get("/passkeys").text
    assert "Hello, Alice" not in elsewhere.get("/").text
    assert sign_in_by(app.test_client(), key).status_code == 401


@on_one_database
def test_the_sign_in_page_says_what_did_not_work_and_nothing_more(app: Application, browser: FlaskClient) -> None:
    key = Authenticator()
    add(browser, key)
    stranger = app.test_client()

    for answer in (sign_in_by(stranger, Authenticator()), sign_in_by(stranger, key.clone(), state="forged")):
        assert answer.status_code == 401
        assert "That passkey did not work." in answer.text
        assert "Forgot it?" not in answer.text


@on_one_database
def test_a_browser_is_kept_signed_in_if_it_is_to_be(app: Application, browser: FlaskClient) -> None:
    key = Authenticator()
    add(browser, key)

    for fields, kept in (({}, False), ({"keep": "y"}, True)):
        cookies = sign_in_by(app.test_client(), key, **fields).headers.getlist("Set-Cookie")
        assert any(cookie.startswith("session=") and "Expires=" in cookie for cookie in cookies) is kept


@on_one_database
def test_answers_that_are_no_answers(browser: FlaskClient, app: Application) -> None:
    for credential in ("", "{", "[]", "null", "[" * 100_000, '"x"', "{}"):
        began, token = begin(browser, "/passkeys/add/options", "/passkeys/add")
        fields = {"csrf_token": token, "state": began["state"], "credential": credential}
        answer = browser.post("/passkeys/add", data=fields)
        assert answer.status_code == 400
        assert "That passkey could not be added." in answer.text
    assert answer_in.__doc__


@on_one_database
def test_a_form_without_its_token_is_refused(app: Application, browser: FlaskClient) -> None:
    key = Authenticator()
    add(browser, key)
    stranger = app.test_client()
    began, _token = begin(stranger, "/login/passkey/options", "/login")
    fields = {"state": began["state"], "credential": json.dumps(key.answer(began["options"]))}

    assert stranger.post("/login/passkey", data=fields).status_code == 400
    assert stranger.post("/login/passkey/options").status_code == 400
    assert browser.post("/passkeys/add/options").status_code == 400
    assert events("session.signed_in") == ["ok"]


@on_one_database
def test_pages_of_somebody_signed_out_ask_to_sign_in(client: FlaskClient, alice: User) -> None:
    for path in ("/passkeys", "/passkeys/add", f"/passkeys/{alice.id}/rename", f"/passkeys/{alice.id}/remove"):
        assert client.get(path).location == "/login"
    assert client.post("/passkeys/add/options").location == "/login"
    sign_in(client)
    assert client.get("/login/passkey").location == "/login"


@on_one_database
def test_the_way_from_an_offer_leads_through_the_sign_in(client: FlaskClient, alice: User) -> None:
    client.get("/passkeys/add")

    assert sign_in(client).location == "/passkeys/add"


@on_one_database
def test_unknown_passkeys_are_not_found(browser: FlaskClient, alice: User) -> None:
    for path in ("rename", "remove"):
        assert browser.get(f"/passkeys/{alice.id}/{path}").status_code == 404


@on_one_database
def test_names_that_cannot_be(browser: FlaskClient, alice: User) -> None:
    add(browser, Authenticator())
    passkey = rule.listed(alice)[0]

    for name in ("x" * 61, "a\0b", "a\x07b"):
        assert post_form(browser, f"/passkeys/{passkey.id}/rename", name=name).status_code == 400
    db.session.refresh(passkey)
    assert passkey.name == "An unknown device"


@on_one_database
def test_a_stale_proof_asks_for_another_one(browser: FlaskClient, alice: User) -> None:
    add(browser, Authenticator())
    token = csrf_token(browser.get("/passkeys/add").text)
    with time_machine.travel(now() + timedelta(minutes=6), tick=False):
        answer = browser.post("/passkeys/add/options", data={"csrf_token": token})
        assert answer.get_json()["code"] == "FRESH_PROOF_REQUIRED"
        for path in ("/passkeys/add", f"/passkeys/{rule.listed(alice)[0].id}/remove"):
            assert browser.get(path).location == "/confirm"
        assert browser.get("/passkeys").status_code == 200


def test_a_passkey_finishes_the_second_step(app: Application, browser: FlaskClient, alice: User) -> None:
    key, elsewhere = Authenticator(), app.test_client()
    add(browser, key)
    with_authenticator(alice)

    assert sign_in(elsewhere).location == "/login/second-step"
    assert "Use a passkey" in elsewhere.get("/login/second-step").text
    stranger = answer_at(elsewhere, "/login/second-step", Authenticator(user_handle=alice.id.bytes))
    assert (stranger.status_code, "That passkey did not work." in stranger.text) == (401, True)
    assert answer_at(elsewhere, "/login/second-step", key).location == "/"
    assert "Hello, Alice" in elsewhere.get("/").text


def test_a_passkey_proves_once_more_who_it_is(browser: FlaskClient) -> None:
    key = Authenticator()
    add(browser, key)
    with time_machine.travel(now() + timedelta(minutes=6)):
        assert browser.get("/passkeys/add").location == "/confirm"
        refused = answer_at(browser, "/confirm", Authenticator())
        assert (refused.status_code, "That passkey did not work." in refused.text) == (401, True)
        assert answer_at(browser, "/confirm", key).location == "/passkeys/add"
        assert browser.get("/passkeys/add").status_code == 200


@on_one_database
def test_addresses_of_buttons_lead_to_their_pages(client: FlaskClient, browser: FlaskClient, app: Application) -> None:
    assert app.test_client().get("/login/second-step/passkey").location == "/login/second-step"
    assert browser.get("/confirm/passkey").location == "/confirm"
    answer = app.test_client().post("/login/second-step/passkey")
    assert answer.location == "/login"


@on_one_database
@pytest.mark.settings(public_url="http://127.0.0.1:5000")
def test_where_passkeys_cannot_work_they_are_not_offered(client: FlaskClient, alice: User) -> None:
    assert "passkey" not in client.get("/login").text.replace("webauthn", "")
    sign_in(client, ALICE, PASSWORD)
    assert "needs a name, such as localhost" in client.get("/passkeys/add").text


@on_one_database
def test_options_have_a_budget(client: FlaskClient) -> None:
    token = csrf_token(client.get("/login").text)
    statuses = [client.post("/login/passkey/options", data={"csrf_token": token}).status_code for _ in range(121)]

    assert statuses == [200] * 120 + [429]


@on_one_database
def test_answers_share_the_budget_of_signing_in(client: FlaskClient, alice: User) -> None:
    token = csrf_token(client.get("/login").text)
    statuses = [client.post("/login/passkey", data={"csrf_token": token}).status_code for _ in range(31)]

    assert statuses == [401] * 30 + [429]
    assert sign_in(client).status_code == 429


@on_one_database
def test_an_account_offers_a_passkey_where_a_password_was_forgotten(client: FlaskClient) -> None:
    client.get("/register")
    post_form(client, "/register", email="new@example.com", password=PASSWORD)

    assert 'href="/passkeys/add"' in client.get("/check-email").text
