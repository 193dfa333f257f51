"""v1's own calls: tokens that rotate, sessions that end at once, the profile and the activity."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from chirp_auth.extensions import db
from chirp_auth.models import SecurityEvent, User
from chirp_auth.routing import Application
from config import Settings
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD

V1 = "/api/v1/auth"
START = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)


def sign_in(client: FlaskClient, email: str = ALICE) -> dict[str, Any]:
    answer = client.post(f"{V1}/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200
    return dict(answer.get_json())


def bearer(signed_in: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {signed_in['access_token']}"}


def refresh(client: FlaskClient, token: str) -> TestResponse:
    return client.post(f"{V1}/refresh", json={"refresh_token": token})


def status(client: FlaskClient, signed_in: dict[str, Any]) -> int:
    return client.get(f"{V1}/me", headers=bearer(signed_in)).status_code


def test_an_access_token_says_who_where_and_for_how_long(client: FlaskClient, alice: User, settings: Settings) -> None:
    token = sign_in(client)["access_token"]

    claims = jwt.decode(token, settings.jwt_secret.get_secret_value(), ["HS256"])

    assert set(claims) == {"iss", "sub", "sid", "iat", "exp", "jti"}
    assert (claims["sub"], claims["exp"] - claims["iat"]) == (str(alice.id), 3600)


def test_a_repeated_refresh_gives_the_same_successor_for_ten_seconds(client: FlaskClient, alice: User) -> None:
    with time_machine.travel(START, tick=False) as clock:
        first = sign_in(client)
        successor = refresh(client, first["refresh_token"]).get_json()["refresh_token"]
        clock.shift(timedelta(seconds=10))

        repeated = refresh(client, first["refresh_token"])

        assert successor != first["refresh_token"]
        assert repeated.get_json()["refresh_token"] == successor
        assert refresh(client, successor).status_code == 200


def test_a_refresh_token_used_again_later_ends_the_session_and_is_recorded(client: FlaskClient, alice: User) -> None:
    with time_machine.travel(START, tick=False) as clock:
        first = sign_in(client)
        second = refresh(client, first["refresh_token"]).get_json()
        clock.shift(timedelta(seconds=11))

        assert refresh(client, first["refresh_token"]).status_code == 401

        assert refresh(client, second["refresh_token"]).status_code == 401
        assert status(client, second) == 401
        recorded = db.session.scalars(select(SecurityEvent.kind).where(SecurityEvent.user_id == alice.id)).all()
        assert "session.refresh_reused" in recorded


def test_refreshes_at_once_get_the_same_successor(app: Application, client: FlaskClient, alice: User) -> None:
    token = sign_in(client)["refresh_token"]
    db.session.remove()

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: refresh(app.test_client(), token), range(4)))

    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.get_json()["refresh_token"] for answer in answers}) == 1


def test_an_access_token_refreshes_nothing(client: FlaskClient, alice: User) -> None:
    assert refresh(client, sign_in(client)["access_token"]).status_code == 401


def test_ending_a_session_kills_its_tokens_at_once(client: FlaskClient, alice: User) -> None:
    here, there = sign_in(client), sign_in(client)
    listed = client.get(f"{V1}/sessions", headers=bearer(here)).get_json()["sessions"]
    [other] = [session["id"] for session in listed if not session["current"]]

    assert client.delete(f"{V1}/sessions/{other}", headers=bearer(here)).status_code == 204

    assert (status(client, here), status(client, there)) == (200, 401)
    assert refresh(client, there["refresh_token"]).status_code == 401
    assert client.delete(f"{V1}/sessions/{other}", headers=bearer(here)).status_code == 404


def test_nobody_ends_the_session_of_somebody_else(client: FlaskClient, alice: User) -> None:
    here = sign_in(client)
    client.post(f"{V1}/register", json={"email": MALLORY, "password": PASSWORD})
    mallory = sign_in(client, MALLORY)
    [session] = client.get(f"{V1}/sessions", headers=bearer(here)).get_json()["sessions"]

    assert client.delete(f"{V1}/sessions/{session['id']}", headers=bearer(mallory)).status_code == 404
    assert status(client, here) == 200


def test_a_new_password_ends_every_other_session_and_this_one_goes_on(client: FlaskClient, alice: User) -> None:
    here, there = sign_in(client), sign_in(client)
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}

    assert client.post(f"{V1}/change-password", json=change, headers=bearer(here)).status_code == 200

    assert (status(client, here), status(client, there)) == (200, 401)
    assert refresh(client, here["refresh_token"]).status_code == 200
    assert refresh(client, there["refresh_token"]).status_code == 401


def test_the_profile_changes_where_something_is_told(client: FlaskClient, alice: User) -> None:
    here = bearer(sign_in(client))

    client.patch(f"{V1}/me", json={"phone_number": "1234567890", "last_name": None}, headers=here)

    user = client.get(f"{V1}/me", headers=here).get_json()["user"]
    assert (user["first_name"], user["last_name"], user["phone_number"]) == ("Alice", None, "+911234567890")


def test_the_activity_is_ones_own_newest_first_page_by_page(client: FlaskClient, alice: User) -> None:
    client.post(f"{V1}/register", json={"email": MALLORY, "password": PASSWORD})
    client.post(f"{V1}/login", json={"email": ALICE, "password": "nine wrong guesses"})
    here = bearer(sign_in(client))
    every = client.get(f"{V1}/events", headers=here).get_json()["events"]

    pages, before = [], None
    while True:
        query = {"limit": 1, **({"before": before} if before else {})}
        page = client.get(f"{V1}/events", headers=here, query_string=query).get_json()
        pages += page["events"]
        before = page["next"]
        if before is None:
            break

    assert pages == every == sorted(every, key=lambda event: -event["id"])
    assert [event["outcome"] for event in every if event["kind"] == "session.signed_in"] == ["ok", "wrong_password"]
    mine = set(db.session.scalars(select(SecurityEvent.id).where(SecurityEvent.user_id == alice.id)))
    assert {event["id"] for event in every} == mine


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "before=0", f"before={10**30}", "limit="])
def test_a_page_that_is_no_page_is_refused(client: FlaskClient, alice: User, query: str) -> None:
    answer = client.get(f"{V1}/events?{query}", headers=bearer(sign_in(client)))

    assert (answer.status_code, answer.get_json()["code"]) == (422, "VALIDATION_FAILED")


@pytest.mark.settings(conceal_accounts=True)
def test_where_accounts_are_concealed_no_answer_tells_who_has_one(client: FlaskClient, alice: User) -> None:
    def both(path: str, **body: str) -> list[tuple[int, bytes]]:
        answers = [client.post(path, json={"email": email, **body}) for email in (ALICE, MALLORY)]
        return [
            (answer.status_code, answer.data.replace(email.encode(), b""))
            for answer, email in zip(answers, (ALICE, MALLORY), strict=True)
        ]

    for path in ("/register", "/api/auth/register", f"{V1}/register"):
        known, unknown = both(path, password="nine calm otters")
        assert known == unknown
        assert known[0] == 202
    known, unknown = both("/api/auth/reset_password", old_password="nine wrong guesses", new_password=NEW_PASSWORD)
    assert known == unknown == (401, b'{"error":"Invalid old password"}\n')
