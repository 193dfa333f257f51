"""Links: once, in time, for one account and one purpose, and never by way of a forged host."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import update

from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, token_in
from tests.support.visitor import bearer, forgot, login, post_form, sign_in

Delivered = Callable[[], list[Mail]]

pytestmark = pytest.mark.settings(rate_limits_enabled=False)


@pytest.fixture
def link(app: Application, alice: User, delivered: Delivered) -> str:
    """The token of a reset link that Alice asked for."""
    forgot(app.test_client())
    return token_in(delivered()[0])


def redeem(client: FlaskClient, token: str, password: str = NEW_PASSWORD) -> int:
    body = {"token": token, "new_password": password, "confirm_password": password}
    return client.post("/api/auth/reset-password", json=body).status_code


def test_a_link_lives_exactly_as_long_as_documented(app: Application, alice: User, delivered: Delivered) -> None:
    for moved, status in ((timedelta(minutes=59, seconds=59), 200), (timedelta(hours=1, seconds=1), 410)):
        with time_machine.travel("2026-11-21T12:00:00Z", tick=False) as travel:
            forgot(app.test_client())
            token = token_in(delivered()[0])
            travel.shift(moved)
            opened = app.test_client().get(f"/reset-password?token={token}", follow_redirects=True)
            assert opened.status_code == status


def test_opening_a_link_changes_nothing(app: Application, link: str) -> None:
    for _ in range(5):
        app.test_client().head(f"/reset-password?token={link}", follow_redirects=True)
        app.test_client().get(f"/reset-password?token={link}", follow_redirects=True)

    assert redeem(app.test_client(), link) == 200


@pytest.mark.parametrize("change", [{"disabled_at": now()}, {"credential_version": 7}])
def test_a_change_of_the_account_voids_its_links(app: Application, link: str, change: dict[str, object]) -> None:
    db.session.execute(update(User).values(**change))
    db.session.commit()

    assert redeem(app.test_client(), link) == 400


def test_a_changed_password_voids_links(app: Application, link: str) -> None:
    seller = {"email": ALICE, "old_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert app.test_client().post("/api/auth/reset_password", json=seller).status_code == 200

    assert redeem(app.test_client(), link, "some violet anvils") == 400


def test_a_link_of_another_purpose_or_key_opens_nothing(
    app: Application, alice: User, link: str, delivered: Delivered
) -> None:
    browser = app.test_client()
    sign_in(browser)
    post_form(browser, "/change-address", email="new@example.com", password=PASSWORD)
    for_address = token_in(delivered()[0])
    forged = URLSafeTimedSerializer("a key of Mallory's own, quite long", salt="chirp-auth.password-reset")
    payload = link.partition(".")[0]

    assert redeem(app.test_client(), for_address) == 400
    assert redeem(app.test_client(), str(forged.dumps([payload, ""]))) == 400
    assert redeem(app.test_client(), f"{payload}.aaaaaa.{'b' * 43}") == 400
    assert login(app.test_client()).status_code == 200


def test_a_forged_host_moves_no_link(app: Application, alice: User, delivered: Delivered) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    app.test_client().post("/api/v1/auth/forgot-password", json={"email": ALICE}, headers=headers)

    mail = delivered()[0]
    assert "evil.example" not in mail.text + mail.html
    assert "https://auth.example.com/reset-password?token=" in mail.text


def test_a_reset_ends_every_session_and_signs_nobody_in(app: Application, alice: User, link: str) -> None:
    browser, phone = app.test_client(), app.test_client()
    sign_in(browser)
    access = login(phone).get_json()["access_token"]
    thief = app.test_client()
    thief.get(f"/reset-password?token={link}")
    post_form(thief, "/reset-password", password=NEW_PASSWORD, confirm_password=NEW_PASSWORD)

    assert phone.get("/api/v1/auth/me", headers=bearer(access)).status_code == 401
    assert "Hello, Alice" not in browser.get("/").text
    assert "Hello, Alice" not in thief.get("/").text


def test_tokens_carry_a_signature_of_256_bits_and_never_repeat(app: Application, alice: User, link: str) -> None:
    assert len(link.rpartition(".")[2]) == 43
    with time_machine.travel(now() + timedelta(hours=2)):
        forgot(app.test_client())
    assert redeem(app.test_client(), link.swapcase()) == 400


@pytest.mark.parametrize("path", ["/api/v1/auth/login", "/api/v1/auth/register", "/api/auth/reset_password", "/login"])
def test_overlong_and_hostile_input_is_refused_cleanly(client: FlaskClient, path: str) -> None:
    huge = dict.fromkeys(("password", "old_password", "new_password"), "x" * 300000)
    answer = client.post(path, json={"email": ALICE, **huge})
    assert answer.status_code in (400, 401, 404)
    assert "x" * 50 not in answer.text
    beyond = client.post(path, data=b"[" * 1_100_000, content_type="application/json")
    assert beyond.status_code == 413


def test_forms_of_other_sites_are_refused_and_the_json_face_takes_no_form(app: Application, alice: User) -> None:
    for path in ("/login", "/forgot-password", "/register"):
        assert app.test_client().post(path, data={"email": ALICE, "password": PASSWORD}).status_code == 400
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        body = f'{{"email": "{ALICE}", "password": "{PASSWORD}"}}'
        answer = app.test_client().post("/api/v1/auth/login", data=body, content_type=content_type)
        assert answer.status_code == 415
