"""Megabyte strings, wrong types, files and headers with underscores at every JSON call: refused in its own dialect."""

import re
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chirp_auth.api.dialects import ALL
from chirp_auth.http.routing import Application
from chirp_auth.models import User

MEGABYTE = 900_000  # with the rest of the body just below the limit
STRINGS = {
    "letters": "x" * MEGABYTE,
    "blanks": " " * MEGABYTE,
    "wide": "\N{PILE OF POO}" * (MEGABYTE // 4),
    "accents": "e\N{COMBINING ACUTE ACCENT}" * (MEGABYTE // 4),
    "nested": [[[[["x" * 1000]]]]] * 50,
}
UNDERSCORED = {"X_Forwarded_For": "203.0.113.9", "Content_Length": "5", "Transfer_Encoding": "chunked", "Host_": "x"}

pytestmark = pytest.mark.settings(rate_limits_enabled=False)


def operations(app: Application) -> list[tuple[str, str, dict[str, Any]]]:
    """Return method, path and a sample body of every call that takes one."""
    document = app.extensions["openapi"]()
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                properties = document["components"]["schemas"][name]["properties"]
                body = {member: _example(schema) for member, schema in properties.items()}
                found.append((method.upper(), re.sub(r"{\w+_id}", str(uuid4()), path), body))
    return found


def _example(schema: dict[str, Any]) -> Any:
    return (schema.get("examples") or ["seven quiet herons"])[0]


def is_in_its_dialect(answer: TestResponse) -> bool:
    body = answer.get_json(silent=True)
    return isinstance(body, dict) and bool(body.keys() & {"detail", "error", "error_code"})


def test_there_are_calls_of_every_contract(app: Application) -> None:
    paths = [path for _, path, _ in operations(app)]

    assert all(any(path.startswith(contract.prefix) for path in paths) for contract in ALL)
    assert len(paths) >= 15


@pytest.mark.parametrize("kind", STRINGS)
def test_a_megabyte_in_any_member_is_refused_in_the_calls_own_dialect(
    app: Application, client: FlaskClient, alice: User, kind: str
) -> None:
    for method, path, body in operations(app):
        for member in body:
            answer = client.open(path, method=method, json={**body, member: STRINGS[kind]})

            assert 400 <= answer.status_code < 500, (path, member, answer.status_code)
            assert is_in_its_dialect(answer), (path, member, answer.text[:200])
            assert len(answer.data) < 2_000, (path, member, "an answer does not repeat what was sent")


def test_a_file_in_place_of_json_is_refused(app: Application, client: FlaskClient) -> None:
    for method, path, body in operations(app):
        if not path.startswith("/api/"):
            continue  # There a form is the page's.
        file = {next(iter(body)): (BytesIO(b"text"), "x.txt")}
        answer = client.open(path, method=method, data=file)

        assert answer.status_code == 415, path
        assert is_in_its_dialect(answer)


def test_headers_with_underscores_bring_no_error(app: Application, client: FlaskClient, alice: User) -> None:
    for method, path, body in operations(app):
        answer = client.open(path, method=method, json=body, headers=UNDERSCORED)

        assert answer.status_code < 500, path
