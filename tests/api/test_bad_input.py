"""Bad input: every call of every dialect refuses it in that dialect's shape, and repeats nothing of it."""

import http.client
import json
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from chirp_auth import create_app
from chirp_auth.api import dialects
from chirp_auth.models import User
from config import load
from tests.api.talk import JSON, told
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, on_one_database
from tests.support.server import Application

V1, MARKETPLACE, SELLER = "/api/v1/auth", "/api/auth", "/api/auth/reset_password"
MAX_BYTES = 1024 * 1024
SECRET = "a secret of somebody"
PASSWORDS = {"new_password": SECRET, "confirm_password": SECRET}
ANSWER = {"state": SECRET, "credential": SECRET}
CREDENTIALS = {"email": ALICE, "password": SECRET}
CALLS: list[tuple[str, str, str, dict[str, str]]] = [
    *(
        (dialect, "POST", f"{prefix}/{path}", body)
        for dialect, prefix in (("v1", V1), ("marketplace", MARKETPLACE), ("plain", ""))
        for path, body in (("register", CREDENTIALS), ("login", CREDENTIALS), ("forgot-password", {"email": SECRET}))
    ),
    ("v1", "POST", f"{V1}/reset-password", PASSWORDS),
    ("marketplace", "POST", f"{MARKETPLACE}/reset-password", {"token": SECRET, **PASSWORDS}),
    ("plain", "POST", "/reset-password", {"token": SECRET, "new_password": SECRET}),
    ("seller", "POST", SELLER, {"email": ALICE, "old_password": SECRET, "new_password": SECRET}),
    ("v1", "POST", f"{V1}/login/second-factor", {"ticket": SECRET, "code": SECRET}),
    ("v1", "POST", f"{V1}/confirm", {"password": SECRET}),
    ("v1", "POST", f"{V1}/authenticator-app/confirm", {"code": SECRET}),
    ("v1", "POST", f"{V1}/refresh", {"refresh_token": SECRET}),
    ("v1", "PATCH", f"{V1}/me", {"first_name": SECRET}),
    ("v1", "POST", f"{V1}/change-password", {"current_password": SECRET, **PASSWORDS}),
    ("v1", "POST", f"{V1}/verify-email", {"token": SECRET}),
    ("v1", "POST", f"{V1}/resend-verification", {"email": SECRET}),
    ("v1", "POST", f"{V1}/passkeys/authentication", ANSWER),
    ("v1", "POST", f"{V1}/passkeys/registration", ANSWER),
    ("v1", "PATCH", f"{V1}/passkeys/<uuid:passkey_id>", {"name": SECRET}),
    ("v1", "POST", f"{V1}/login/second-factor/passkey/options", {"ticket": SECRET}),
    ("v1", "POST", f"{V1}/login/second-factor/passkey", {"ticket": SECRET, **ANSWER}),
    ("v1", "POST", f"{V1}/confirm/passkey", ANSWER),
]
FILE = f'--x\r\nContent-Disposition: form-data; name="email"; filename="a.txt"\r\n\r\n{SECRET}\r\n--x--\r\n'.encode()
HEADERS = {
    "X_Forwarded_For": "203.0.113.99",
    "Content_Length": "7",
    "Content_Type": "text/plain",
    "Authorization_": "Bearer x",
    "X_Long": "a" * 8000,
}
MEMBERS = {
    "v1": {"type", "title", "status", "detail", "code", "instance", "timestamp"},
    "marketplace": {"success", "message", "error_code", "timestamp", "path"},
    "seller": {"error"},
    "plain": {"detail"},
}


def bad_bodies(good: dict[str, str]) -> dict[str, tuple[bytes, str]]:
    """Return bodies and what they call themselves, by what is wrong with them."""
    text, first, last = json.dumps(good), next(iter(good)), list(good)[-1]
    mistyped: list[object] = [7, 1.5, True, [SECRET], {"a": SECRET}]
    return {
        "empty": (b"", JSON),
        **{f"1 MB of {name}": (_filled_up(good, name, MAX_BYTES), JSON) for name in good},
        "over 1 MB": (_filled_up(good, last, MAX_BYTES + 1), JSON),
        "1 MB of space": (b" " * MAX_BYTES, JSON),
        "1 MB of members": (_many_members(last), JSON),
        "deep arrays": (b"[" * 100_000, JSON),
        "deep closed arrays": (b"[" * 100_000 + b"]" * 100_000, JSON),
        "deep objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, JSON),
        "deep member": (text[:-1].encode() + b', "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", JSON),
        "huge number": (text[:-1].encode() + b', "x": ' + b"9" * 100_000 + b"}", JSON),
        **{
            f"{name} is {type(value).__name__}": (json.dumps({**good, name: value}).encode(), JSON)
            for name in good
            for value in mistyped
        },
        "NUL": (json.dumps({**good, first: f"{SECRET}\0"}).encode(), JSON),
        "raw NUL": (text.encode().replace(b"secret", b"sec\0ret").replace(b"alice", b"ali\0ce"), JSON),
        "lone surrogate": (json.dumps({**good, last: f"{SECRET}\ud800"}).encode(), JSON),
        "lone surrogate first": (json.dumps({**good, first: f"{SECRET}\ud800"}).encode(), JSON),
        "invalid UTF-8": (text[:-2].encode() + b'\xff\xfe"}', JSON),
        "UTF-16": (text.encode("utf-16"), JSON),
        "byte order mark": (text.encode("utf-8-sig"), JSON),
        "duplicate key": (f'{text[:-1]}, "{first}": "{SECRET}"}}'.encode(), JSON),
        "NaN": (f'{text[:-1]}, "x": NaN}}'.encode(), JSON),
        "array": (json.dumps([good]).encode(), JSON),
        "string": (json.dumps(SECRET).encode(), JSON),
        "number": (b"7", JSON),
        "null": (b"null", JSON),
        "file": (FILE, "multipart/form-data; boundary=x"),
        "form": (f"email={SECRET}&password={SECRET}".encode(), "application/x-www-form-urlencoded"),
        "plain text": (text.encode(), "text/plain"),
        "no name for it": (text.encode(), ""),
    }


@pytest.fixture
def header(client: FlaskClient, alice: User) -> dict[str, str]:
    """Alice's Authorization header: what is refused is the body."""
    token = told(client.post(f"{V1}/login", json={"email": ALICE, "password": PASSWORD}))["access_token"]
    return {"Authorization": f"Bearer {token}"}


@on_one_database
@pytest.mark.settings(rate_limits_enabled=False)
@pytest.mark.parametrize(("dialect", "method", "path", "good"), CALLS, ids=[f"{call[0]}-{call[2]}" for call in CALLS])
def test_a_bad_body_is_refused_in_the_shape_of_its_dialect(
    client: FlaskClient, header: dict[str, str], dialect: str, method: str, path: str, good: dict[str, str]
) -> None:
    for flaw, (body, content_type) in bad_bodies(good).items():
        if dialect == "plain" and content_type != JSON:
            continue  # On a shared path that is the page's form.

        answer = client.open(
            _real(path),
            method=method,
            data=body,
            content_type=content_type,
            headers=header,
        )

        assert 400 <= answer.status_code < 500, f"{flaw}: {answer.status} {answer.text[:200]}"
        assert answer.is_json, flaw
        assert set(told(answer)) - {"errors"} == MEMBERS[dialect], flaw
        assert SECRET not in answer.text, flaw
        assert len(answer.data) < 2000, flaw


def test_every_call_that_takes_a_body_is_tried() -> None:
    ceremonies = ("passkeys/authentication", "passkeys/registration", "confirm/passkey")
    calls = ("logout", "authenticator-app", "recovery-codes", "recovery", "recovery/cancel")
    without_a_body = {f"POST {V1}/{call}" for call in (*calls, *(f"{ceremony}/options" for ceremony in ceremonies))}
    taking = {
        f"{method} {rule.rule}"
        for rule in create_app(load(_env_file=None)).url_map.iter_rules()
        for method in (rule.methods or set()) & {"POST", "PATCH", "PUT"}
        if rule.endpoint.startswith(tuple(f"auth.{dialect.name}." for dialect in dialects.ALL))
    }

    assert {f"{method} {path}" for _, method, path, _ in CALLS} == taking - without_a_body


def send_in_chunks(server: Application, path: str, *chunks: bytes) -> tuple[int, dict[str, Any]]:
    """Send a body whose length nobody told (RFC 9112, 7.1)."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        connection.request("POST", path, iter(chunks), {"Content-Type": JSON}, encode_chunked=True)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def send_whole(server: Application, path: str, body: bytes) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        connection.request("POST", path, body, {"Content-Type": JSON})
        return connection.getresponse().status


def test_bodies_in_chunks_are_read_and_measured(server: Application) -> None:
    whole = json.dumps({"email": MALLORY}).encode()

    for path in (f"{V1}/forgot-password", f"{MARKETPLACE}/forgot-password", "/forgot-password"):
        assert send_in_chunks(server, path, whole[:5], whole[5:])[0] == 200
        assert send_in_chunks(server, path, whole[:5])[0] == 400
        assert send_in_chunks(server, path, *[b" " * 65_536] * 17, whole)[0] == 413
        cut = whole[:-1] + b" " * (MAX_BYTES - len(whole)) + b"}"
        assert send_in_chunks(server, path, cut)[0] == 200, "just 1 MB"
        assert send_whole(server, path, cut) == 200, "just 1 MB, and its length was told"
        assert send_in_chunks(server, path, cut, b"!")[0] == 413, "what is over 1 MB is not cut off"
    stranger = "nobody-in-chunks@example.com"  # The server is shared: others have accounts there.
    sale = json.dumps({"email": stranger, "old_password": PASSWORD, "new_password": NEW_PASSWORD}).encode()
    assert send_in_chunks(server, SELLER, sale) == (404, {"error": "User not found"})
    assert send_in_chunks(server, SELLER, *[b" " * 65_536] * 17)[0] == 413


def test_headers_with_an_underscore_change_no_answer(server: Application) -> None:
    for dialect, method, path, _ in CALLS:
        statuses = []
        for headers in ({}, HEADERS):
            with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
                connection.request(method, _real(path), b"[]", {"Content-Type": JSON, **headers})
                answer = connection.getresponse()
                assert set(json.loads(answer.read())) - {"errors"} == MEMBERS[dialect], path
                statuses.append(answer.status)

        assert statuses[0] in (400, 422), path
        assert statuses[1] == statuses[0], path


def _real(path: str) -> str:
    """Return the path of a rule with an id of nothing in it."""
    return path.replace("<uuid:passkey_id>", str(uuid4()))


def _filled_up(good: dict[str, str], name: str, size: int) -> bytes:
    """Return the body with a member so long that the whole has this size in bytes."""
    filler = size - len(json.dumps({**good, name: ""}))
    return json.dumps({**good, name: "a" * filler}).encode()


def _many_members(mistyped: str) -> bytes:
    members = ",".join(f'"m{number}":0' for number in range(90_000))
    return f'{{"{mistyped}":0,{members}}}'.encode()
