"""CORS: pages of the permitted origins may call the JSON API and nothing else; nobody's cookies ever count."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from tests.conftest import ALICE, on_one_database
from tests.support.visitor import FORGOT_DOORS, forgot

SHOP, OTHER_SHOP, STRANGER = "https://shop.example.com", "http://localhost:3000", "https://evil.example.com"

pytestmark = [
    on_one_database,
    pytest.mark.settings(
        frontend_url=f"{SHOP}/app", cors_origins="HTTP://LocalHost:3000/, https://auth.example.com:443"
    ),
]


def preflight(client: FlaskClient, path: str, origin: str = SHOP, method: str = "POST") -> TestResponse:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return client.options(path, headers=headers)


def permissions(answer: TestResponse) -> dict[str, str]:
    return {name: value for name, value in answer.headers if name.startswith("Access-Control")}


CALLS = {
    "/api/v1/auth/reset-password": "POST",
    "/api/v1/auth/me": "GET, HEAD, PATCH",
    "/api/v1/auth/sessions/6f1c2d0e-8a3b-4c5d-9e7f-0a1b2c3d4e5f": "DELETE",
    "/api/auth/forgot-password": "POST",
    "/api/auth/reset_password": "POST",
    "/login": "POST",
    "/reset-password": "POST",
}


@pytest.mark.parametrize("origin", [SHOP, OTHER_SHOP])
def test_a_preflight_tells_what_is_routed(client: FlaskClient, origin: str) -> None:
    for path, methods in CALLS.items():
        answer = preflight(client, path, origin)

        assert (answer.status_code, answer.data) == (204, b"")
        assert permissions(answer) == {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": methods,
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Access-Control-Max-Age": "7200",
        }
        assert answer.headers.getlist("Vary") == ["Origin"]


def test_no_other_origin_gets_permission(client: FlaskClient) -> None:
    others = [STRANGER, "null", "https://auth.example.com", f"{SHOP}:8443", "http://shop.example.com", f"{SHOP}/"]
    for origin in others:
        for path in ("/api/v1/auth/login", "/login"):
            answer = client.post(path, json={}, headers={"Origin": origin})
            assert permissions(preflight(client, path, origin)) == permissions(answer) == {}
            assert answer.headers["Vary"] == "Origin"
    assert preflight(client, "/api/v1/auth/login", STRANGER).status_code == 405


@pytest.mark.parametrize("door", ["v1", "marketplace", "plain"])
def test_an_answer_may_be_read_without_credentials(client: FlaskClient, door: str) -> None:
    client.environ_base["HTTP_ORIGIN"] = SHOP

    answer = FORGOT_DOORS[door](client, ALICE)

    assert answer.status_code == 200
    assert permissions(answer) == {
        "Access-Control-Allow-Origin": SHOP,
        "Access-Control-Expose-Headers": "Retry-After, RateLimit, RateLimit-Policy, X-Request-Id",
    }
    assert answer.headers["Vary"] == "Origin"


def test_refusals_may_be_read_too(client: FlaskClient) -> None:
    client.environ_base["HTTP_ORIGIN"] = SHOP
    answers = [client.get("/api/v1/auth/nothing"), client.delete("/api/auth/login")]
    answers.append(client.post("/login", data=b" " * (1024 * 1024 + 1), content_type="application/json"))
    answers.append(client.post("/api/v1/auth/login", data="x"))
    answers.extend(forgot(client) for _ in range(4))
    event.listen(db.engine, "before_cursor_execute", _away)
    answers.append(client.post("/api/auth/login", json={"email": ALICE, "password": "seven quiet herons"}))

    statuses = [answer.status_code for answer in answers]
    assert statuses == [404, 405, 413, 415, 200, 200, 200, 429, 503]
    assert {(answer.headers["Access-Control-Allow-Origin"], answer.headers["Vary"]) for answer in answers} == {
        (SHOP, "Origin")
    }


def _away(*_statement: object) -> None:
    raise OperationalError("SELECT", {}, Exception("away"))


def test_a_preflight_costs_no_limit_and_asks_no_database(app: Application, client: FlaskClient) -> None:
    event.listen(db.engine, "connect", _away)
    event.listen(db.engine, "checkout", _away)

    answers = [preflight(client, "/api/v1/auth/forgot-password") for _ in range(50)]

    assert {(answer.status_code, "RateLimit" in answer.headers) for answer in answers} == {(204, False)}
    event.remove(db.engine, "connect", _away)
    event.remove(db.engine, "checkout", _away)
    assert forgot(client).headers["RateLimit"].startswith('"forgot_password";r=2')


PAGES = ("/login", "/register", "/forgot-password", "/reset-password", "/", "/api/docs", "/healthz/live")


def test_no_page_may_be_read(client: FlaskClient) -> None:
    origin = {"Origin": SHOP}
    for path in PAGES:
        answers = [
            client.get(path, headers={**origin, "Accept": "application/json"}),
            client.post(path, headers=origin, data={"email": ALICE}),
            client.post(path, headers=origin, data="{}", content_type="text/plain"),
        ]
        assert [permissions(answer) for answer in answers] == [{}, {}, {}]


def test_what_is_no_call_of_the_api_answers_no_preflight(client: FlaskClient) -> None:
    for path in ("/account", "/api/docs", "/api/v1/auth/nothing", "/healthz/live"):
        assert "Access-Control-Allow-Methods" not in preflight(client, path).headers


def test_an_options_request_that_is_no_preflight_is_refused_as_ever(client: FlaskClient) -> None:
    assert client.options("/api/v1/auth/login", headers={"Origin": SHOP}).status_code == 405
