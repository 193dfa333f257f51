"""Attacks with tokens that are dead or forged: each is on record, and a flood of them fills no table."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient

from chirp_auth.clock import now
from chirp_auth.models import User
from chirp_auth.security import shares
from tests.conftest import MALLORY, NEW_PASSWORD, PASSWORD, events
from tests.support.visitor import bearer, csrf_token, login, post_form, press, sign_in

FORGED = "WyJhIiwxXQ.forged"


@pytest.fixture
def signed_in(client: FlaskClient, alice: User) -> dict[str, Any]:
    return dict(login(client).get_json())


def logout(client: FlaskClient, token: str) -> int:
    return client.post("/api/v1/auth/logout", headers=bearer(token)).status_code


def refresh(client: FlaskClient, token: str) -> int:
    return client.post("/api/v1/auth/refresh", json={"refresh_token": token}).status_code


def verify(client: FlaskClient, token: str) -> int:
    return client.post("/api/v1/auth/verify-email", json={"token": token}).status_code


DOORS: dict[str, tuple[Callable[[FlaskClient, str], int], str]] = {
    "refresh": (refresh, "session.refresh_refused"),
    "access": (logout, "session.access_refused"),
    "verification": (verify, "email.verified"),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_forged_token_is_on_record_and_a_flood_of_them_is_one_row_an_hour(client: FlaskClient, door: str) -> None:
    send, kind = DOORS[door]

    assert {send(client, FORGED) for _ in range(20)} == {401}
    assert events(kind) == ["invalid_token"]

    with time_machine.travel(now() + shares.NOTED_ONCE_IN * 1.1):
        send(client, FORGED)
    assert events(kind) == ["invalid_token"] * 2


def test_the_tokens_of_a_session_that_has_ended_are_on_record(client: FlaskClient, signed_in: dict[str, Any]) -> None:
    assert logout(client, signed_in["access_token"]) == 204

    assert (logout(client, signed_in["access_token"]), refresh(client, signed_in["refresh_token"])) == (401, 401)

    assert events("session.access_refused") == ["session_ended"]
    assert events("session.refresh_refused") == ["session_ended"]


def test_a_refresh_token_that_is_spent_again_is_one_event(client: FlaskClient, signed_in: dict[str, Any]) -> None:
    refresh(client, signed_in["refresh_token"])
    with time_machine.travel(now() + shares.NOTED_ONCE_IN / 2):
        assert refresh(client, signed_in["refresh_token"]) == 401

    assert (events("session.refresh_reused"), events("session.refresh_refused")) == (["ended"], [])


def test_a_request_that_lacks_what_a_new_password_needs_is_one_event_an_hour(
    client: FlaskClient, signed_in: dict[str, Any]
) -> None:
    v1, passwords = "/api/v1/auth", {"new_password": "x", "confirm_password": "x"}
    authorized = bearer(signed_in["access_token"])
    for _ in range(20):
        client.post(f"{v1}/reset-password", json=passwords)
        client.post(f"{v1}/reset-password", json={})
        client.post("/api/auth/reset-password", data="{", content_type="application/json")
        client.post(f"{v1}/change-password", json={}, headers=authorized)
        client.post(f"{v1}/change-password", json={**passwords, "current_password": "x"})
        client.post("/api/auth/reset_password", json={"email": "no address", "old_password": "x", "new_password": "x"})

    assert events("password_reset.refused") == ["unauthenticated", "validation_failed", "malformed_json"]
    assert events("password.changed") == ["validation_failed", "unauthenticated", "invalid_email"]


FIELDS = {
    "/reset-password": ("password_reset.refused", ["password", "confirm_password"]),
    "/change-password": ("password.changed", ["current_password", "new_password", "confirm_password"]),
}


@pytest.mark.parametrize("path", FIELDS)
def test_a_form_for_a_new_password_that_lacks_a_field_is_one_event_an_hour_and_costs_no_limit(
    client: FlaskClient, ask: Callable[[], str], path: str
) -> None:
    kind, fields = FIELDS[path]
    sign_in(client)
    client.get(f"/reset-password?token={ask()}")
    opened = client.get(path).text
    client.post(path, data={"again": "", "csrf_token": csrf_token(opened)})
    assert events(kind) == [], "it was only opened, and shown again after an error"

    for lacking in fields * 6:  # More than any limit of theirs allows.
        typed = {field: PASSWORD for field in fields if field != lacking}
        assert press(client, path, opened, **typed).status_code == 400
    assert events(kind) == ["validation_failed"]
    client.post(path, data=dict.fromkeys(fields, PASSWORD))
    assert events(kind) == ["validation_failed", "bad_request"], "a page that was open for too long, or another site's"

    complete = {field: PASSWORD if field == "current_password" else NEW_PASSWORD for field in fields}
    assert press(client, path, opened, **complete).status_code == 303


def test_a_code_for_a_new_password_that_is_missing_is_one_event(client: FlaskClient) -> None:
    post_form(client, "/forgot-password", email=MALLORY)

    assert [post_form(client, "/check-email/code", page="/check-email").status_code for _ in range(2)] == [400] * 2

    assert events("password_reset.refused") == ["validation_failed"]


def test_a_reset_in_a_browser_with_a_bad_link_is_on_record_each_time(
    client: FlaskClient, ask: Callable[[], str]
) -> None:
    form = {"password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}
    assert post_form(client, "/reset-password", page="/login", **form).status_code == 404
    client.get(f"/reset-password?token={FORGED}")
    assert post_form(client, "/reset-password", page="/login", **form).status_code == 404
    client.get(f"/reset-password?token={ask()}")
    opened = client.get("/reset-password").text

    assert [press(client, "/reset-password", opened, **form).location for _ in range(2)] == ["/reset-password/done"] * 2

    assert events("password_reset.refused") == ["invalid_token", "invalid_token", "token_already_used"]


def test_a_request_without_a_token_is_no_event(client: FlaskClient) -> None:
    assert client.get("/api/v1/auth/me").status_code == 401

    assert events("session.access_refused") == []


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        ("/verify-email", "email.verified"),
        ("/confirm-address", "address_change.done"),
        ("/not-me", "account.secured"),
    ],
)
def test_a_bad_link_is_on_record_when_its_button_is_pressed(client: FlaskClient, page: str, kind: str) -> None:
    client.get(f"{page}?token={FORGED}")
    assert events(kind) == []

    assert post_form(client, page, page="/login").status_code == 404

    assert events(kind) == ["invalid_token"]
