"""Access tokens: what one says, which ones are refused, and what kills one at once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
import time_machine
from flask.testing import FlaskClient

from chirp_auth.models import User
from config import Settings
from tests.api.talk import START, told
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD

V1 = "/api/v1/auth"
CHANGE = {"current_password": PASSWORD, "new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}


def sign_in(client: FlaskClient, email: str = ALICE) -> str:
    return str(told(client.post(f"{V1}/login", json={"email": email, "password": PASSWORD}))["access_token"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def status(client: FlaskClient, token: str) -> int:
    return client.get(f"{V1}/me", headers=bearer(token)).status_code


def session_of(token: str) -> str:
    return str(jwt.decode(token, options={"verify_signature": False})["sid"])


def test_it_says_who_where_and_how_long(client: FlaskClient, alice: User, settings: Settings) -> None:
    token = sign_in(client)

    claims = jwt.decode(token, settings.jwt_secret.get_secret_value(), ["HS256"], issuer=settings.public_url)

    assert set(claims) == {"iss", "sub", "sid", "iat", "exp", "jti"}
    assert (claims["sub"], claims["exp"] - claims["iat"]) == (str(alice.id), 3600)
    assert jwt.get_unverified_header(token)["alg"] == "HS256"


def test_an_expired_one_is_refused(client: FlaskClient, alice: User) -> None:
    with time_machine.travel(START, tick=False) as clock:
        token = sign_in(client)
        clock.shift(timedelta(hours=1, seconds=-1))
        assert status(client, token) == 200
        clock.shift(1)
        assert status(client, token) == 401


FORGERIES: dict[str, Callable[[dict[str, Any], str], str]] = {
    "without a signature": lambda claims, key: jwt.encode(claims, None, algorithm="none"),  # type: ignore[arg-type]
    "signed with another key": lambda claims, key: jwt.encode(claims, "x" * 40, algorithm="HS256"),
    "of another algorithm": lambda claims, key: jwt.encode(claims, key * 2, algorithm="HS512"),
    "of another issuer": lambda claims, key: jwt.encode({**claims, "iss": "https://example.org"}, key),
    "without an end": lambda claims, key: jwt.encode({k: v for k, v in claims.items() if k != "exp"}, key),
    "with a number for a session": lambda claims, key: jwt.encode({**claims, "sid": 7}, key),
    "with an unknown session": lambda claims, key: jwt.encode({**claims, "sid": claims["jti"]}, key),
    "with a changed letter": lambda claims, key: _changed(jwt.encode(claims, key)),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_one_is_refused(
    client: FlaskClient, alice: User, settings: Settings, forge: Callable[[dict[str, Any], str], str]
) -> None:
    claims = jwt.decode(sign_in(client), options={"verify_signature": False})

    answer = client.get(f"{V1}/me", headers=bearer(forge(claims, settings.jwt_secret.get_secret_value())))

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert told(answer)["code"] == "UNAUTHENTICATED"


def test_a_refresh_token_is_no_access_token(client: FlaskClient, alice: User) -> None:
    refresh_token = told(client.post(f"{V1}/login", json={"email": ALICE, "password": PASSWORD}))["refresh_token"]

    assert status(client, refresh_token) == 401


def test_signing_out_kills_it_and_no_other(client: FlaskClient, alice: User) -> None:
    here, there = sign_in(client), sign_in(client)

    assert client.post(f"{V1}/logout", headers=bearer(here)).status_code == 204

    assert (status(client, here), status(client, there)) == (401, 200)


def test_ending_its_session_kills_it(client: FlaskClient, alice: User) -> None:
    here, there = sign_in(client), sign_in(client)

    assert client.delete(f"{V1}/sessions/{session_of(there)}", headers=bearer(here)).status_code == 204

    assert (status(client, here), status(client, there)) == (200, 401)


def test_ending_all_others_keeps_this_one(client: FlaskClient, alice: User) -> None:
    here, there, elsewhere = sign_in(client), sign_in(client), sign_in(client)

    assert client.delete(f"{V1}/sessions", headers=bearer(here)).status_code == 204

    assert [status(client, token) for token in (here, there, elsewhere)] == [200, 401, 401]


def test_a_changed_password_keeps_this_one_and_kills_the_others(client: FlaskClient, alice: User) -> None:
    here, there = sign_in(client), sign_in(client)

    changed = client.post(f"{V1}/change-password", json=CHANGE, headers=bearer(here))

    assert changed.status_code == 200
    assert status(client, told(changed)["access_token"]) == 200
    assert (status(client, here), status(client, there)) == (401, 401)


def test_a_reset_kills_every_one(client: FlaskClient, ask: Callable[[], str]) -> None:
    here = sign_in(client)
    body = {"token": ask(), "new_password": NEW_PASSWORD}

    assert client.post("/reset-password", json=body).status_code == 200

    assert status(client, here) == 401


def test_the_sessions_are_listed_by_the_id_in_the_token_this_one_first(client: FlaskClient, alice: User) -> None:
    here, there = sign_in(client), sign_in(client)

    for token, other in ((here, there), (there, here)):
        listed = told(client.get(f"{V1}/sessions", headers=bearer(token)))["sessions"]
        assert [session["id"] for session in listed] == [session_of(token), session_of(other)]
        assert [session["current"] for session in listed] == [True, False]


def _changed(token: str) -> str:
    head, claims, signature = token.split(".")
    return f"{head}.{claims}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


def test_nobody_ends_the_session_of_somebody_else(client: FlaskClient, alice: User) -> None:
    hers = sign_in(client)
    client.post(f"{V1}/register", json={"email": MALLORY, "password": PASSWORD})
    mallorys = sign_in(client, MALLORY)

    refused = client.delete(f"{V1}/sessions/{session_of(hers)}", headers=bearer(mallorys))

    assert refused.status_code == 404
    assert status(client, hers) == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YWxpY2U6", "Bearer one two", "token"])
def test_a_header_that_is_not_one_bearer_token_is_malformed(client: FlaskClient, header: str) -> None:
    body = {"new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}

    answer = client.post("/api/v1/auth/reset-password", json=body, headers={"Authorization": header})

    assert (answer.status_code, told(answer)["detail"]) == (401, "Missing or invalid authorization header")
