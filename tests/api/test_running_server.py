"""The contracts at the door of a really running server: schemathesis's cases, and bodies without a length."""

import http.client
import json
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.support.server import Application


def test_the_server_keeps_to_its_own_document(server: Application, tmp_path: Path) -> None:
    body = json.dumps({"email": "erin@example.com", "password": "seven quiet herons"}).encode()
    registering = urllib.request.Request(
        f"{server.base_url}/api/v1/auth/register", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(registering, timeout=10) as answer:
        token = json.load(answer)["access_token"]

    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.base_url}/api/openapi.json"]
    # Well-formed bodies with an unknown token or a weak password are refused, and the pages share plain's paths.
    command += ["--exclude-checks", "positive_data_acceptance,unsupported_method,allow_header_conformance"]
    command += ["--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--seed", "1"]
    command += ["--generation-database", "none", "--no-color", "--header", f"Authorization: Bearer {token}"]
    run = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]


def test_a_request_names_one_host(server: Application) -> None:
    statuses = {"": 400, "Host: a\r\nHost: a\r\n": 400, "Host: a\r\n": 200}
    for version, expected in (("1.1", statuses), ("1.0", {"": 200})):
        for lines, status in expected.items():
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
                line.sendall(f"GET /login HTTP/{version}\r\n{lines}Connection: close\r\n\r\n".encode())
                assert line.recv(100).split()[1] == str(status).encode()


def test_a_body_without_a_length_has_the_same_limit(server: Application) -> None:
    for size, expected in ((10, 422), (1024 * 1024 + 1, 413)):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        pieces = iter([b'{"email": "', b"a" * size, b'"}'])
        headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
        connection.request("POST", "/api/v1/auth/forgot-password", pieces, headers, encode_chunked=True)
        answer = connection.getresponse()

        assert answer.status == expected
        assert answer.getheader("Content-Type") == "application/problem+json"
        assert json.load(answer)["status"] == expected
        connection.close()
