"""Forms that hold what is no text, or fields without end, are refused before anything else looks at them."""

from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient

from chirp_auth.http.form_parser import MAX_FIELDS
from chirp_auth.http.routing import Application
from chirp_auth.models import User
from tests.conftest import ALICE, PASSWORD, on_one_database
from tests.support.visitor import csrf_token, post_form, sign_in

URL_ENCODED = "application/x-www-form-urlencoded"


def file(content: bytes = b"text") -> tuple[BytesIO, str]:
    return BytesIO(content), "x.txt"


def posting_rules(app: Application) -> list[str]:
    """Every path without parameters that takes a POST and answers with a page."""
    return sorted(
        rule.rule
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and not rule.arguments and rule.endpoint.startswith("auth.web.")
    )


@pytest.mark.parametrize("field", ["email", "password", "csrf_token", "nothing_we_know"])
def test_every_form_refuses_a_file_before_csrf(app: Application, client: FlaskClient, alice: User, field: str) -> None:
    stranger = app.test_client()
    sign_in(client)
    paths = posting_rules(app)
    assert {"/login", "/register", "/forgot-password", "/reset-password", "/change-password"} <= set(paths)

    for path in paths:
        answers = [
            browser.post(path, data={"email": ALICE, "password": PASSWORD, field: file()})
            for browser in (stranger, client)
        ]

        # Whoever is signed in is led away from the page for signing in; whoever is not, to it.
        assert 415 in {answer.status_code for answer in answers}, path
        assert {answer.status_code for answer in answers} <= {415, 303}, path
        assert any("This page takes what our form sends, as plain text." in answer.text for answer in answers), path


def test_a_file_is_no_new_password(client: FlaskClient, alice: User) -> None:
    sign_in(client)
    passwords: dict[str, Any] = {"current_password": PASSWORD, "new_password": file(), "confirm_password": file()}

    answer = post_form(client, "/change-password", **passwords)

    assert answer.status_code == 415
    stranger = client.application.test_client()
    assert sign_in(stranger).status_code == 303


def test_text_in_a_multipart_body_is_a_form_like_any_other(client: FlaskClient, alice: User) -> None:
    fields = {"csrf_token": csrf_token(client.get("/login").text), "email": ALICE, "password": PASSWORD}

    assert client.post("/login", data=fields, content_type="multipart/form-data").status_code == 303


@on_one_database
@pytest.mark.parametrize("content_type", [URL_ENCODED, "multipart/form-data"])
def test_fields_without_end_are_refused(client: FlaskClient, content_type: str) -> None:
    many = {f"field{number}": "" for number in range(MAX_FIELDS + 1)}

    assert client.post("/login", data=many, content_type=content_type).status_code == 413


@on_one_database
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x",
        b"--x\r\n\r\n",
        b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\n',
        b'--x\r\nContent-Disposition: form-data; name="email"; filename=""\r\n\r\n\r\n--x--\r\n',
        b"--x\r\nContent-Disposition: form-data; name=\"email\"; filename*=utf-8''%ff\r\n\r\na\r\n--x--\r\n",
        b"--x\r\nContent-Disposition: attachment\r\n\r\na\r\n--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="email"\r\nContent-Type: a/b; charset=utf-16\r\n\r\n\xff\r\n--x',
        b"--x\r\n" + b"A: b\r\n" * 100_000,
    ],
)
@pytest.mark.parametrize("boundary", ["; boundary=x", "", "; boundary=\xff"])
def test_a_broken_multipart_body_is_no_error_of_ours(client: FlaskClient, body: bytes, boundary: str) -> None:
    answer = client.post("/login", data=body, headers={"Content-Type": f"multipart/form-data{boundary}"})

    assert 400 <= answer.status_code < 500


@on_one_database
def test_json_doors_take_no_multipart_body_at_all(client: FlaskClient) -> None:
    for path in ("/api/v1/auth/login", "/api/auth/login", "/api/auth/reset_password"):
        answer = client.post(path, data={"email": file()})

        assert answer.status_code == 415, path
        assert answer.is_json
