"""Refreshing over HTTP: a spent refresh token has one successor, and a copy of it betrays the session."""

from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient

from chirp_auth.accounts import refresh_tokens as refresh_rule
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.models import User
from chirp_auth.security import tokens
from config import Settings
from tests.api.talk import START, told
from tests.conftest import ALICE, PASSWORD, TEST_CLIENT, events
from tests.support.together import in_processes, in_threads

V1 = "/api/v1/auth"


@pytest.fixture
def signed_in(client: FlaskClient, alice: User) -> dict[str, Any]:
    return told(client.post(f"{V1}/login", json={"email": ALICE, "password": PASSWORD}))


def spend(client: FlaskClient, token: str) -> dict[str, Any]:
    answer = client.post(f"{V1}/refresh", json={"refresh_token": token})
    return {"status": answer.status_code, **told(answer)}


def test_a_spent_token_has_one_successor_within_the_grace(client: FlaskClient, alice: User) -> None:
    with time_machine.travel(START, tick=False) as clock:
        first = told(client.post(f"{V1}/login", json={"email": ALICE, "password": PASSWORD}))["refresh_token"]
        second = spend(client, first)
        clock.shift(10)

        repeated = spend(client, first)

    assert second["status"] == repeated["status"] == 200
    assert repeated["refresh_token"] == second["refresh_token"] != first


def test_later_reuse_ends_the_session_and_is_recorded(client: FlaskClient, alice: User) -> None:
    with time_machine.travel(START, tick=False) as clock:
        first = told(client.post(f"{V1}/login", json={"email": ALICE, "password": PASSWORD}))["refresh_token"]
        second = spend(client, first)
        clock.shift(11)

        assert spend(client, first)["code"] == "UNAUTHENTICATED"

        assert spend(client, second["refresh_token"])["status"] == 401
        mine = {"Authorization": f"Bearer {second['access_token']}"}
        assert client.get(f"{V1}/me", headers=mine).status_code == 401
    assert events("session.refresh_reused") == ["ended"]


def test_the_token_before_last_is_reuse_even_within_the_grace(client: FlaskClient, signed_in: dict[str, Any]) -> None:
    second = spend(client, signed_in["refresh_token"])["refresh_token"]
    spend(client, second)

    assert spend(client, signed_in["refresh_token"])["status"] == 401
    assert events("session.refresh_reused") == ["ended"]


def test_threads_that_race_get_the_same_successor(
    app: Application, client: FlaskClient, signed_in: dict[str, Any]
) -> None:
    successors: list[str] = []

    def race() -> None:
        successors.append(tokens.mint_refresh(refresh_rule.refresh(signed_in["refresh_token"], TEST_CLIENT)))

    db.session.remove()
    assert in_threads(app, [race] * 6) == ["ok"] * 6
    assert len(successors) == 6
    assert len(set(successors)) == 1
    assert events("session.refresh_reused") == []


def test_processes_that_race_end_no_session(settings: Settings, client: FlaskClient, signed_in: dict[str, Any]) -> None:
    db.session.remove()

    assert in_processes(settings, 2, refresh_rule.refresh, signed_in["refresh_token"], TEST_CLIENT) == ["ok"] * 2
    assert spend(client, signed_in["refresh_token"])["status"] == 200


@pytest.mark.parametrize("token", ["", "x", "a.b", "\ud800", "é" * 2000, "W10.x"])
def test_what_is_no_refresh_token_refreshes_nothing(client: FlaskClient, token: str) -> None:
    assert spend(client, token)["code"] == "UNAUTHENTICATED"


def test_an_access_token_is_no_refresh_token(client: FlaskClient, signed_in: dict[str, Any]) -> None:
    assert spend(client, signed_in["access_token"])["status"] == 401
