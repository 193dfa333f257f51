"""The JSON face and cookies, and the four paths that plain shares with the pages."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from chirp_auth.models import User
from tests.api.talk import JSON, told
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD
from tests.support import visitor

SHARED = ("/register", "/login", "/forgot-password", "/reset-password")
LOGIN = {"email": ALICE, "password": PASSWORD}


@pytest.mark.parametrize("path", ["/api/v1/auth/login", "/api/auth/login", "/login"])
def test_no_json_answer_sets_a_cookie(client: FlaskClient, alice: User, path: str) -> None:
    bodies: list[object] = [LOGIN, {**LOGIN, "password": "nine wrong guesses"}, {}, []]
    for body in bodies:
        assert "Set-Cookie" not in client.post(path, json=body).headers


def test_no_json_call_reads_the_cookie_of_a_browser(client: FlaskClient, alice: User) -> None:
    visitor.sign_in(client)
    assert client.get("/change-password").status_code == 200

    answer = client.get("/api/v1/auth/me")

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "Set-Cookie" not in answer.headers


def test_a_json_post_needs_no_csrf_token_and_a_form_does(client: FlaskClient, alice: User) -> None:
    assert client.post("/login", json=LOGIN).status_code == 200
    refused = client.post("/login", data=LOGIN)
    assert (refused.status_code, refused.mimetype) == (400, "text/html")


@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8", "Application/JSON"])
def test_a_json_post_is_plain_however_json_is_spelled(client: FlaskClient, alice: User, content_type: str) -> None:
    body = f'{{"email": "{ALICE}", "password": "{PASSWORD}"}}'

    assert told(client.post("/login", data=body, content_type=content_type))["token_type"] == "bearer"


@pytest.mark.parametrize("path", SHARED)
def test_a_get_is_always_the_page(client: FlaskClient, path: str) -> None:
    for headers in ({"Accept": JSON}, {"Content-Type": JSON}):
        answer = client.get(path, headers=headers, follow_redirects=True)
        assert answer.mimetype == "text/html"


@pytest.mark.parametrize("path", SHARED)
@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": JSON},
        {"Accept": JSON},
        {"Accept": "application/json, */*"},
        {"Accept": "Application/JSON; charset=utf-8"},
        {"Accept": "application/problem+json"},
    ],
)
def test_a_wrong_method_is_told_in_json_to_whoever_speaks_it(
    client: FlaskClient, path: str, headers: dict[str, str]
) -> None:
    answer = client.put(path, headers=headers)

    assert (answer.status_code, answer.mimetype, list(told(answer))) == (405, JSON, ["detail"])
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))
    assert client.put(path).mimetype == "text/html"


@pytest.mark.parametrize("path", ["/login/", "/register/now", "/nothing"])
def test_a_path_that_is_not_there_is_told_in_json_to_whoever_speaks_it(client: FlaskClient, path: str) -> None:
    for answer in (client.post(path, json={}), client.get(path, headers={"Accept": JSON})):
        assert (answer.status_code, answer.mimetype, list(told(answer))) == (404, JSON, ["detail"])
    assert client.get(path, headers={"Accept": "text/html,application/json;q=0.9"}).mimetype == "text/html"


def test_a_confirmation_that_is_sent_to_plain_counts(client: FlaskClient, ask: Callable[[], str]) -> None:
    body = {"token": ask(), "new_password": NEW_PASSWORD}

    refused = client.post("/reset-password", json={**body, "confirm_password": PASSWORD})
    assert (refused.status_code, told(refused)) == (400, {"detail": "Passwords do not match"})
    assert client.post("/reset-password", json={**body, "confirm_password": 5}).status_code == 422
    assert client.post("/reset-password", json={**body, "confirm_password": NEW_PASSWORD}).status_code == 200


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api//auth/login", "/api/auth/login/"])
def test_no_api_path_answers_with_a_page(client: FlaskClient, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS", "DELETE"):
        assert client.open(path, method=method).is_json


def test_an_api_call_takes_no_options_request(client: FlaskClient) -> None:
    answer = client.options("/api/v1/auth/login")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert answer.mimetype == "application/problem+json"
