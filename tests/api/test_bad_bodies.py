"""Bodies that anyone may send: every call answers each with a 4xx in its dialect, and goes on working."""

import json

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chirp_auth.models import User
from tests.conftest import ALICE, PASSWORD

JSON = "application/json"
V1, MARKETPLACE = "/api/v1/auth", "/api/auth"
NEW = {"new_password": PASSWORD, "confirm_password": PASSWORD}
CALLS = {
    "v1": {
        f"POST {V1}/register": {"email": ALICE, "password": PASSWORD},
        f"POST {V1}/login": {"email": ALICE, "password": PASSWORD},
        f"POST {V1}/forgot-password": {"email": ALICE},
        f"POST {V1}/reset-password": NEW,
        f"POST {V1}/refresh": {"refresh_token": "x"},
        f"PATCH {V1}/me": {"first_name": "x"},
        f"POST {V1}/change-password": {"current_password": "x", **NEW},
        f"POST {V1}/verify-email": {"token": "x"},
        f"POST {V1}/resend-verification": {"email": ALICE},
    },
    "marketplace": {
        f"POST {MARKETPLACE}/register": {"email": ALICE, "password": PASSWORD},
        f"POST {MARKETPLACE}/login": {"email": ALICE, "password": PASSWORD},
        f"POST {MARKETPLACE}/forgot-password": {"email": ALICE},
        f"POST {MARKETPLACE}/reset-password": {"token": "x", **NEW},
    },
    "seller": {"POST /api/auth/reset_password": {"email": ALICE, "old_password": "x", "new_password": PASSWORD}},
    "plain": {
        "POST /register": {"email": ALICE, "password": PASSWORD},
        "POST /login": {"email": ALICE, "password": PASSWORD},
        "POST /forgot-password": {"email": ALICE},
        "POST /reset-password": {"token": "x", "new_password": PASSWORD},
    },
}
EVERY_CALL = [
    pytest.param(dialect, *call.split(), body, id=f"{dialect}-{call}")
    for dialect, calls in CALLS.items()
    for call, body in calls.items()
]
MEMBERS = {
    "v1": {"type", "title", "status", "detail", "code", "instance", "timestamp"},
    "marketplace": {"success", "message", "error_code", "timestamp", "path"},
    "seller": {"error"},
    "plain": {"detail"},
}


def bad_bodies(good: dict[str, str]) -> dict[str, tuple[bytes, str]]:
    """Return what is sent and what it is called, by what is wrong with it."""
    last = list(good)[-1]
    text = json.dumps(good)
    return {
        "empty": (b"", JSON),
        "space": (b"  \n", JSON),
        "half": (text[:-1].encode(), JSON),
        "1 MB in a value": (json.dumps({**good, last: "a" * 1_048_000}).encode(), JSON),
        "more than 1 MB": (json.dumps({**good, last: "a" * 1_048_577}).encode(), JSON),
        "nested arrays": (b"[" * 100_000 + b"]" * 100_000, JSON),
        "nested objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, JSON),
        "no object": (b'["email"]', JSON),
        "null": (b"null", JSON),
        "mistyped": (json.dumps({**good, last: 7}).encode(), JSON),
        "nested member": (json.dumps({**good, last: {"a": []}}).encode(), JSON),
        "NUL": (json.dumps({**good, last: "a\0b"}).encode(), JSON),
        "lone surrogate": (text.replace(f'"{good[last]}"', r'"\ud800"').encode(), JSON),
        "invalid UTF-8": (text.encode().replace(b'": "', b'": "\xff\xfe', 1), JSON),
        "duplicate member": (f'{text[:-1]}, "{last}": "x"}}'.encode(), JSON),
        "huge number": (f'{text[:-1]}, "n": {"9" * 10_000}}}'.encode(), JSON),
        "NaN": (f'{text[:-1]}, "n": NaN}}'.encode(), JSON),
        "a form": (b"email=alice%40example.com", "application/x-www-form-urlencoded"),
        "plain text": (text.encode(), "text/plain"),
        "UTF-16": (text.encode("utf-16"), JSON),
    }


@pytest.mark.settings(rate_limits_enabled=False)
@pytest.mark.parametrize(("dialect", "method", "path", "good"), EVERY_CALL)
def test_a_bad_body_is_refused_in_words(
    dialect: str, method: str, path: str, good: dict[str, str], client: FlaskClient, alice: User
) -> None:
    for name, (body, content_type) in bad_bodies(good).items():
        if dialect == "plain" and content_type != JSON:
            continue  # That is the page's form.
        answer = client.open(path, method=method, data=body, content_type=content_type)

        assert 400 <= answer.status_code < 500, f"{name}: {answer.status}"
        assert members(answer) == MEMBERS[dialect], name


def members(answer: TestResponse) -> set[str]:
    assert answer.is_json, answer.content_type
    return set(answer.get_json()) - {"errors"}


@pytest.mark.parametrize("path", ["/login", "/register", "/forgot-password", "/reset-password"])
@pytest.mark.parametrize("headers", [{"Content-Type": JSON}, {"Accept": JSON}], ids=["sends JSON", "accepts JSON"])
def test_a_wrong_method_on_a_shared_path_is_told_in_what_the_client_speaks(
    client: FlaskClient, path: str, headers: dict[str, str]
) -> None:
    answer = client.delete(path, headers=headers)

    assert (answer.status_code, answer.mimetype) == (405, JSON)
    assert "POST" in answer.headers["Allow"]
    assert members(answer) == {"detail"}
    assert client.delete(path).mimetype == "text/html"


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api//auth/login", "/api/auth/login/"])
def test_no_api_path_answers_with_a_page(client: FlaskClient, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS", "DELETE"):
        assert client.open(path, method=method).is_json


def test_an_api_call_takes_no_options_request(client: FlaskClient) -> None:
    answer = client.options("/api/v1/auth/login")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert answer.mimetype == "application/problem+json"
