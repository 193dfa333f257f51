"""Logs: one format for our lines and the libraries', and nothing secret in any of them."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import structlog
from flask import Response
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError

from chirp_auth.accounts import password_reset, sign_in
from chirp_auth.errors import InvalidCredentials
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import messages
from chirp_auth.models import User
from chirp_auth.runtime import logs
from chirp_auth.worker import delivery
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT, token_in

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HASH = "$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Standard error."""
    text = io.StringIO()
    monkeypatch.setattr(sys, "stderr", text)
    return text


@pytest.fixture(params=[True, False], ids=["json", "terminal"])
def as_json(request: pytest.FixtureRequest, said: io.StringIO) -> Iterator[bool]:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    hooks = sys.excepthook, threading.excepthook
    structlog_before = structlog.get_config()
    logs.configure(as_json=request.param)
    structlog.configure(cache_logger_on_first_use=False)
    yield request.param
    structlog.configure(**structlog_before)
    logging.basicConfig(handlers=before[0], level=before[1], force=True)
    logging.captureWarnings(capture=False)
    sys.excepthook, threading.excepthook = hooks


def test_a_secret_in_a_field_is_masked_at_any_depth(as_json: bool, said: io.StringIO) -> None:
    fields: dict[str, Any] = {
        "reset_token": "hidden-1",
        "headers": {"Authorization": "hidden-2", "Cookie": ["hidden-3"], "Accept": "shown-1"},
        "tries": [{"password": "hidden-4", "nested": ({"api_key": "hidden-5"},)}],
        "client": "shown-2",
    }

    structlog.get_logger("test").info("tried", **fields)

    text = said.getvalue()
    assert "hidden" not in text
    assert "shown-1" in text
    assert "shown-2" in text


@pytest.mark.parametrize(
    "text",
    [
        "GET /reset-password?token=hidden HTTP/1.1",
        "{'password': 'hidden'}",
        'body {"new_password": "hidden"}',
        "Authorization: Bearer hidden",
        "cannot connect to postgresql://chirp:hidden@db/chirp",
        f"row {HASH} hidden".replace("hidden", ""),
        "eyJhbGciOiJIUzI1NiJ9.hidden.hidden",
    ],
)
def test_a_secret_in_a_librarys_text_is_masked(as_json: bool, said: io.StringIO, text: str) -> None:
    logging.getLogger("some.library").warning("it said: %s", text)

    assert "it said" in said.getvalue()
    assert "hidden" not in said.getvalue()
    assert HASH not in said.getvalue()


def test_a_trace_is_printed_without_local_variables(as_json: bool, said: io.StringIO) -> None:
    password = "hidden in a variable"
    try:
        raise RuntimeError("went wrong")
    except RuntimeError:
        logging.getLogger("some.library").exception("it failed")
        structlog.get_logger("test").exception("we failed")

    assert said.getvalue().count("RuntimeError: went wrong") == 2
    assert password not in said.getvalue()


@pytest.mark.parametrize("as_json", [True], indirect=True)
def test_production_writes_a_json_object_a_line(as_json: bool, said: io.StringIO) -> None:
    structlog.get_logger("test").info("ours", size=3)
    logging.getLogger("some.library").warning("theirs %d", 4)

    ours, theirs = map(json.loads, said.getvalue().splitlines())
    assert (ours["event"], ours["size"], ours["level"]) == ("ours", 3, "info")
    assert (theirs["event"], theirs["level"]) == ("theirs 4", "warning")
    assert ours["timestamp"].endswith("Z")


def test_a_database_error_names_no_values(app: Application, alice: User) -> None:
    db.session.add(User(email=ALICE, email_key=alice.email_key, password_hash=HASH))

    with pytest.raises(IntegrityError) as error:
        db.session.flush()

    assert HASH not in str(error.value)
    assert ALICE not in str(error.value).replace(f"({ALICE})", "")
    db.session.rollback()


def test_a_whole_reset_leaves_no_secret_in_the_log(
    app: Application, alice: User, as_json: bool, said: io.StringIO
) -> None:
    client = app.test_client()
    client.post("/api/v1/auth/forgot-password", json={"email": ALICE})
    delivery.run_once()
    token = token_in(messages()[0])
    client.get(f"/reset-password?token={token}")
    password_reset.reset_password(token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)
    with pytest.raises(InvalidCredentials):
        sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    db.session.remove()
    session = client.post("/api/v1/auth/login", json={"email": ALICE, "password": NEW_PASSWORD}).get_json()

    assert "password_reset.done" in said.getvalue()
    assert "mail sent" in said.getvalue()
    for secret in (token, PASSWORD, NEW_PASSWORD, ALICE, session["access_token"], session["refresh_token"]):
        assert secret not in said.getvalue()


def requests_in(said: io.StringIO) -> list[tuple[str, str, int]]:
    lines = map(json.loads, said.getvalue().splitlines())
    return [(line["method"], line["path"], line["status"]) for line in lines if line["event"] == "request"]


@ON_SQLITE
@pytest.mark.parametrize("as_json", [True], indirect=True)
def test_a_request_is_logged_with_the_template_of_its_path(
    client: FlaskClient, as_json: bool, said: io.StringIO
) -> None:
    client.post("/api/v1/auth/forgot-password", json={"email": ALICE})
    client.post("/api/auth/reset_password", json={})
    client.post("/login", json={})
    client.get("/forgot-password")
    client.delete(f"/api/v1/auth/sessions/{uuid4()}")
    client.get("/logout")
    client.get("/no/such/place")

    assert requests_in(said) == [
        ("POST", "/api/v1/auth/forgot-password", 200),
        ("POST", "/api/auth/reset_password", 400),
        ("POST", "/login", 422),
        ("GET", "/forgot-password", 200),
        ("DELETE", "/api/v1/auth/sessions/<uuid:session_id>", 401),
        ("GET", "/logout", 405),
        ("GET", "none", 404),
    ]


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
FROM_A_PROXY = {"X-Request-Id": "edge-7f3a", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


def lines_of_a_request(client: FlaskClient, said: io.StringIO, headers: dict[str, str]) -> list[dict[str, Any]]:
    said.truncate(0)
    said.seek(0)
    answer = client.get("/login", headers=headers)
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    assert [line["reference"] for line in lines] == [answer.headers["X-Request-Id"]], "its own reference stays"
    return lines


@ON_SQLITE
@pytest.mark.settings(trusted_proxy_hops=1)
@pytest.mark.parametrize("as_json", [True], indirect=True)
def test_the_trusted_proxys_references_are_in_the_line_beside_ours(
    client: FlaskClient, as_json: bool, said: io.StringIO
) -> None:
    (line,) = lines_of_a_request(client, said, FROM_A_PROXY)
    assert (line["proxy_reference"], line["trace"]) == ("edge-7f3a", TRACE)

    for hostile in ("a b", "x" * 65, "<b>", "é", ""):
        headers = {"X-Request-Id": hostile, "traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"}
        (line,) = lines_of_a_request(client, said, headers)
        assert not {"proxy_reference", "trace"} & line.keys()


@ON_SQLITE
@pytest.mark.parametrize("as_json", [True], indirect=True)
def test_without_a_trusted_proxy_nobody_writes_references(
    client: FlaskClient, as_json: bool, said: io.StringIO
) -> None:
    (line,) = lines_of_a_request(client, said, FROM_A_PROXY)
    assert not {"proxy_reference", "trace"} & line.keys()


@pytest.mark.parametrize("as_json", [True], indirect=True)
def test_crashes_and_warnings_are_lines_too(as_json: bool, said: io.StringIO) -> None:
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    try:
        raise RuntimeError("a bug")
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        logging.captureWarnings(capture=True)  # The line before put the test's own printer back.
        warnings.warn("soon gone", DeprecationWarning, stacklevel=1)

    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    assert ["ZeroDivisionError" in lines[0]["exception"], "a bug" in lines[1]["exception"]] == [True, True]
    assert "soon gone" in lines[2]["event"]


@ON_SQLITE
@pytest.mark.parametrize("path", ["/reset-password/HIDDEN", "/api/v1/x/HIDDEN", "/dev/mailbox/HIDDEN", "/HIDDEN"])
@pytest.mark.parametrize("method", ["GET", "POST", "HIDDEN"])
def test_nothing_that_a_client_writes_into_its_path_or_method_is_logged(
    client: FlaskClient, as_json: bool, said: io.StringIO, path: str, method: str
) -> None:
    client.open(path, method=method)

    assert "request" in said.getvalue()
    assert "HIDDEN" not in said.getvalue()


@ON_SQLITE
def test_a_bug_outside_the_views_is_logged_without_its_path(app: Application, as_json: bool, said: io.StringIO) -> None:
    @app.after_request
    def break_down(response: Response) -> Response:
        raise RuntimeError("went wrong")

    assert app.test_client().get("/reset-password/HIDDEN").status_code == 500

    assert "RuntimeError: went wrong" in said.getvalue()
    assert "HIDDEN" not in said.getvalue()
