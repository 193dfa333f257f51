"""The nginx example of the operations page, in a real nginx."""

import http.client
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.docs.conftest import blocks_in
from tests.support.child import Child, accepts_connections, free_port
from tests.support.server import Application

AROUND = """daemon off;
pid {folder}/nginx.pid;
error_log {folder}/start.log crit;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {example}
}}
"""
SECRET = "a-token-of-somebody"
FORGOT = f"/api/v1/auth/forgot-password?token={SECRET}"


@pytest.fixture
def folder(run_folder: Path) -> Path:
    """A folder that nginx's own user may enter."""
    folder = run_folder / "nginx"
    folder.mkdir(mode=0o711)
    return folder


@pytest.fixture
def nginx(server: Application, folder: Path) -> Iterator[int]:
    """Start nginx with the example in front of the server; yield its port."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not program:
        pytest.skip("nginx is not installed")
    port = free_port()
    (example,) = blocks_in("docs/operations.md", "nginx")
    for ours, here in (
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("http://127.0.0.1:5000", server.base_url),
        ("/var/log/nginx", str(folder)),
    ):
        assert ours in example
        example = example.replace(ours, here)
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, example=example))
    child = Child([program, "-c", folder / "nginx.conf", "-p", folder], log=folder / "said.log", folder=folder)
    try:
        child.wait_until(lambda: accepts_connections(port))
        yield port
    finally:
        child.stop()


def post(port: int, path: str, body: bytes) -> tuple[int, str | None]:
    """Return the answer's status and content type."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        with connection.getresponse() as answer:
            return answer.status, answer.getheader("Content-Type")


def test_it_lets_our_own_413_through_and_logs_no_query(nginx: int, folder: Path) -> None:
    assert post(nginx, FORGOT, b'{"email": "alice@example.com"}') == (200, "application/json")
    assert post(nginx, FORGOT, b"x" * 4_900_000) == (413, "application/problem+json")
    assert post(nginx, FORGOT, b"x" * 6_000_000) == (413, "text/html")
    assert post(nginx, "/metrics", b"")[0] == 404

    logged = (folder / "auth.log").read_text()
    assert "POST /api/v1/auth/forgot-password" in logged
    assert SECRET not in logged + (folder / "auth-error.log").read_text(), "which has what nginx itself refused"
