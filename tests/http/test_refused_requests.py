"""Requests that no view should see: without one host, or with an encoded body."""

import gzip

import pytest
from flask.testing import FlaskClient

from tests.conftest import ALICE, on_one_database

pytestmark = on_one_database
BODY = b'{"email": "alice@example.com"}'


@pytest.mark.parametrize("path", ["/api/v1/auth/forgot-password", "/api/auth/forgot-password", "/forgot-password"])
def test_an_encoded_body_is_refused_in_the_dialect_and_costs_no_limit(client: FlaskClient, path: str) -> None:
    for coding in ("gzip", "br", "identity, gzip", "GZIP"):
        headers = {"Content-Encoding": coding, "Content-Type": "application/json"}
        answer = client.post(path, data=gzip.compress(BODY), headers=headers)
        assert (answer.status_code, answer.is_json) == (415, True)
        assert "Content-Encoding" in answer.text
        assert "RateLimit" not in answer.headers

    plain = {"Content-Encoding": "identity", "Content-Type": "application/json"}
    assert client.post(path, data=BODY, headers=plain).status_code == 200


def test_an_encoded_form_is_refused_by_a_page(client: FlaskClient) -> None:
    answer = client.post("/login", data={"email": ALICE}, headers={"Content-Encoding": "gzip"})

    assert (answer.status_code, answer.mimetype) == (415, "text/html")


@pytest.mark.parametrize("host", ["", "auth.example.com,evil.example.com"])
def test_a_request_names_one_host(client: FlaskClient, host: str) -> None:
    for path, mimetype in (("/api/v1/auth/me", "application/problem+json"), ("/login", "text/html")):
        answer = client.get(path, environ_overrides={"HTTP_HOST": host, "SERVER_PROTOCOL": "HTTP/1.1"})
        assert (answer.status_code, answer.mimetype) == (400, mimetype)


def test_http_1_0_knows_no_host(client: FlaskClient) -> None:
    answer = client.get("/login", environ_overrides={"HTTP_HOST": "", "SERVER_PROTOCOL": "HTTP/1.0"})

    assert answer.status_code == 200
