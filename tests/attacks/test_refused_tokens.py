"""Attacks with tokens that are dead or forged: each is on record, and a flood of them fills no table."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient

from chirp_auth.clock import now
from chirp_auth.models import User
from chirp_auth.security import shares
from tests.conftest import events
from tests.support.visitor import bearer, login, post_form

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
