"""Headers and cookies: what browsers are told, on every page."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chirp_auth.http.routing import Application
from chirp_auth.models import User
from tests.conftest import on_one_database
from tests.support.visitor import forgot, post_form, sign_in

pytestmark = on_one_database

PAGES = (
    "/",
    "/login",
    "/register",
    "/forgot-password",
    "/check-email",
    "/reset-password",
    "/verify-email",
    "/not-me",
    "/not-registered",
    "/verify-email/new-password",
    "/confirm-address",
    "/signed-out",
    "/no-such-page",
)
IN_PRODUCTION = pytest.mark.settings(
    app_env="production", smtp_host="127.0.0.1", smtp_port=1, smtp_security="none", bcrypt_cost=10
)


def directives(answer: TestResponse) -> dict[str, str]:
    policy = answer.headers["Content-Security-Policy"]
    return dict(part.strip().partition(" ")[::2] for part in policy.split(";"))


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_protected(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    policy = directives(answer)

    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert {policy[name] for name in ("default-src", "frame-ancestors", "base-uri", "object-src")} == {"'none'"}
    assert policy["form-action"] == "'self'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-Id"])


@pytest.mark.parametrize("path", ["/reset-password", "/verify-email", "/not-me", "/not-registered", "/confirm-address"])
def test_pages_behind_a_token_send_no_referrer_and_keep_no_token(client: FlaskClient, path: str) -> None:
    answer = client.get(f"{path}?token=something")

    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Location"] == path
    assert client.get(path).headers["Referrer-Policy"] == "no-referrer"
    assert client.get("/login").headers["Referrer-Policy"] == "same-origin"


def test_pages_load_nothing_from_elsewhere_and_run_no_inline_script(app: Application, alice: User) -> None:
    browser = app.test_client()
    sign_in(browser)
    for path in (*PAGES, "/change-password", "/change-address"):
        text = browser.get(path).text
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text), path
        assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", text), path


def test_answers_of_the_json_face_are_not_kept(client: FlaskClient) -> None:
    answer = forgot(client)

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers


def test_development_asks_no_browser_for_https(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in client.get("/login").headers


@IN_PRODUCTION
def test_production_insists_on_https(client: FlaskClient) -> None:
    found = re.match(r"max-age=(\d+)", client.get("/login").headers["Strict-Transport-Security"])

    assert found
    assert int(found[1]) >= 31_536_000


@IN_PRODUCTION
def test_cookies_in_production_cannot_be_read_sent_in_the_clear_or_planted(app: Application, alice: User) -> None:
    browser = app.test_client()
    answer = sign_in(https(browser))

    cookies = answer.headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-session", "__Host-device"}
    for cookie in cookies:
        attributes = {part.strip() for part in cookie.split(";")[1:]}
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= attributes
        assert not any(attribute.startswith("Domain") for attribute in attributes)


def https(browser: FlaskClient) -> FlaskClient:
    browser.environ_base["wsgi.url_scheme"] = "https"
    return browser


def test_signing_in_changes_the_cookie_and_signing_out_kills_it(app: Application, alice: User) -> None:
    browser = app.test_client()
    browser.get("/login")
    before = browser.get_cookie("session")
    sign_in(browser)
    stolen = browser.get_cookie("session")
    assert before
    assert stolen
    assert before.value != stolen.value

    post_form(browser, "/logout", page="/")
    thief = app.test_client()
    thief.set_cookie("session", stolen.value)
    assert "Hello, Alice" not in thief.get("/").text


def test_password_managers_find_the_form(client: FlaskClient) -> None:
    answer = client.get("/.well-known/change-password")

    assert answer.status_code in (302, 303)
    assert answer.headers["Location"] == "/change-password"


def test_other_well_known_names_are_not_found(client: FlaskClient) -> None:
    path = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200"
    assert client.get(path).status_code == 404


def test_security_txt_names_a_contact_and_has_not_expired(client: FlaskClient) -> None:
    answer = client.get("/.well-known/security.txt")
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())

    assert answer.content_type == "text/plain; charset=utf-8"
    assert fields["Contact"] == "mailto:help@example.com"
    assert fields["Canonical"] == "https://auth.example.com/.well-known/security.txt"
    assert datetime.now(UTC) < datetime.fromisoformat(fields["Expires"]) < datetime.now(UTC) + timedelta(days=365)


@pytest.mark.settings(security_contact="https://example.com/report")
def test_security_txt_names_the_operators_contact(client: FlaskClient) -> None:
    assert "Contact: https://example.com/report\n" in client.get("/.well-known/security.txt").text
