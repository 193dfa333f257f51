"""Secrets: none at rest, in logs, in answers that are errors or in commands; and keys that can be changed."""

import base64
import io
import logging
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient, FlaskCliRunner
from pydantic import SecretStr
from sqlalchemy import select

from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from config import Settings
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, token_in
from tests.security.test_not_me import not_me_token
from tests.support.visitor import bearer, forgot, login, post_form, press, sign_in

Delivered = Callable[[], list[Mail]]
Build = Callable[[Settings], Application]

NEWEST_PASSWORD = "some violet anvils"
WRONG_PASSWORD = "mistaken purple kettle"

pytestmark = pytest.mark.settings(rate_limits_enabled=False)


@pytest.fixture
def debug_log() -> Iterator[io.StringIO]:
    """Everything that any library says at its most talkative."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.DEBUG)
    yield heard
    logging.getLogger("sqlalchemy.engine").setLevel(logging.NOTSET)
    root.setLevel(before)
    root.removeHandler(handler)


def live_through_everything(app: Application, delivered: Delivered) -> list[str]:
    """Do all that can be done over all faces; return every secret that was used or handed out."""
    browser, phone = app.test_client(), app.test_client()
    secrets = [PASSWORD, NEW_PASSWORD, NEWEST_PASSWORD, WRONG_PASSWORD]

    signed_in = login(phone).get_json()
    secrets += [signed_in["access_token"], signed_in["refresh_token"]]
    login(phone, password=WRONG_PASSWORD)
    phone.post("/login", json={"email": ALICE, "password": WRONG_PASSWORD})
    sign_in(browser, password=WRONG_PASSWORD)
    sign_in(browser)
    secrets += cookies_of(browser)
    post_form(browser, "/change-address", email="new@example.com", password=PASSWORD)
    secrets.append(token_in(delivered()[0]))
    phone.get("/api/v1/auth/me", headers=bearer(signed_in["access_token"]))

    for door in (forgot, forgot):
        door(phone)
        secrets.append(token_in(delivered()[0]))
    browser.get(f"/reset-password?token={secrets[-1]}")
    secrets += cookies_of(browser)
    post_form(browser, "/reset-password", password=NEW_PASSWORD, confirm_password=NEW_PASSWORD)
    secrets += cookies_of(browser)
    secrets.append(not_me_token(delivered()))
    phone.post(
        "/api/v1/auth/reset-password",
        json={"new_password": NEWEST_PASSWORD, "confirm_password": NEWEST_PASSWORD},
        headers=bearer(secrets[-2]),
    )
    seller = {"email": ALICE, "old_password": NEW_PASSWORD, "new_password": NEWEST_PASSWORD}
    assert phone.post("/api/auth/reset_password", json=seller).status_code == 200
    phone.post("/api/v1/auth/login", data=f'{{"password": "{NEWEST_PASSWORD}"', content_type="application/json")
    browser.get(f"/not-me?token={secrets[-1]}")
    post_form(browser, "/not-me")
    delivered()
    return [secret for secret in secrets if secret]


def cookies_of(browser: FlaskClient) -> list[str]:
    """The cookies that open something: what is signed in there, and what is known there."""
    cookies = [browser.get_cookie(name) for name in ("session", "device")]
    return [cookie.value for cookie in cookies if cookie]


def forms_of(secret: str) -> set[str]:
    """Return the forms in which a secret is likely to be lying about."""
    raw = secret.encode()
    forms = {secret, raw.hex(), quote(secret), base64.b64encode(raw).decode().rstrip("=")}
    return forms | {base64.urlsafe_b64encode(raw).decode().rstrip("="), secret.encode("unicode_escape").decode()}


def assert_none(secrets: list[str], where: str) -> None:
    found = [secret[:12] for secret in secrets for form in forms_of(secret) if form in where]
    assert not found


def everything_at_rest() -> str:
    db.session.remove()
    with db.engine.connect() as connection:
        rows = [str(row) for table in db.metadata.sorted_tables for row in connection.execute(select(table))]
    assert len(rows) > 20
    return "\n".join(rows)


def test_no_table_holds_a_secret(app: Application, alice: User, delivered: Delivered) -> None:
    secrets = live_through_everything(app, delivered)

    assert len(set(secrets)) >= 12
    assert_none(secrets, everything_at_rest())


def test_no_log_holds_a_secret_even_at_debug(
    app: Application,
    alice: User,
    delivered: Delivered,
    debug_log: io.StringIO,
    capfd: pytest.CaptureFixture[str],
) -> None:
    secrets = live_through_everything(app, delivered)

    told = debug_log.getvalue() + "".join(capfd.readouterr())
    assert "password_reset.done" in told
    assert_none(secrets, told)


def test_no_command_prints_a_secret(
    app: Application, alice: User, delivered: Delivered, runner: FlaskCliRunner
) -> None:
    secrets = live_through_everything(app, delivered)
    runner.invoke(args=["auth", "reset", "send", ALICE])
    secrets.append(token_in(delivered()[0]))

    told = "".join(
        runner.invoke(args=["auth", *command]).output
        for command in (["user", "list", "--json"], ["reset", "send", ALICE], ["audit", "verify", "--json"])
    )
    assert ALICE in told
    assert_none(secrets, told)
    assert "$2b$" not in told


def test_a_bug_shows_its_reference_and_nothing_else(
    app: Application, alice: User, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def bug(dialect: object) -> None:
        raise RuntimeError("the innards of the machine")

    monkeypatch.setitem(app.view_functions, "auth.v1.login", lambda: bug(None))
    answer = login(app.test_client(), password=WRONG_PASSWORD)

    assert answer.status_code == 500
    assert "innards" not in answer.text
    logged = "".join(capfd.readouterr())
    assert "innards of the machine" in logged
    assert answer.headers["X-Request-Id"] in logged
    assert WRONG_PASSWORD not in logged


def rotated(settings: Settings) -> Settings:
    """Return the settings with new keys, the old ones kept for what they signed."""
    values = {
        "secret_key": SecretStr("another-signing-key-9876543210-zyxwvuts"),
        "secret_key_fallbacks": [settings.secret_key],
        "jwt_secret": SecretStr("another-jwt-secret-9876543210-zyxwvuts"),
        "jwt_secret_fallbacks": [settings.jwt_secret],
    }
    return settings.model_copy(update=values)


def test_what_old_keys_signed_lives_on_after_a_change_of_keys(
    app: Application, settings: Settings, alice: User, delivered: Delivered, build: Build
) -> None:
    before = app.test_client()
    sign_in(before)
    open_page = before.get("/change-password").text
    tokens = login(app.test_client()).get_json()
    forgot(app.test_client())
    link = token_in(delivered()[0])

    after = build(rotated(settings)).test_client()
    for name in ("session", "device"):
        cookie = before.get_cookie(name)
        assert cookie
        after.set_cookie(name, cookie.value)

    assert "Hello, Alice" in after.get("/").text
    answer = press(after, "/change-password", open_page)
    assert answer.status_code == 400
    assert "Enter your current password" in answer.text
    me = after.get("/api/v1/auth/me", headers=bearer(tokens["access_token"]))
    assert me.status_code == 200
    refreshed = after.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert refreshed.status_code == 200
    assert after.get(f"/reset-password?token={link}", follow_redirects=True).status_code == 200


def test_what_a_dropped_key_signed_is_void(
    app: Application, settings: Settings, alice: User, delivered: Delivered, build: Build
) -> None:
    before = app.test_client()
    sign_in(before)
    tokens = login(app.test_client()).get_json()
    forgot(app.test_client())
    link = token_in(delivered()[0])
    dropped = rotated(settings).model_copy(update={"secret_key_fallbacks": [], "jwt_secret_fallbacks": []})

    after = build(dropped).test_client()
    cookie = before.get_cookie("session")
    assert cookie
    after.set_cookie("session", cookie.value)

    assert "Hello, Alice" not in after.get("/").text
    me = after.get("/api/v1/auth/me", headers=bearer(tokens["access_token"]))
    assert me.status_code == 401
    assert after.get(f"/reset-password?token={link}", follow_redirects=True).status_code == 404
