"""A front end on another origin, in a real browser: its page asks for a link and uses it."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page

from tests.journeys.conftest import NEW_PASSWORD, PASSWORD, Person
from tests.support import server

pytestmark = pytest.mark.browser

CALL = """async ({url, body, token}) => {
    const headers = {"Content-Type": "application/json"};
    if (token) headers["Authorization"] = `Bearer ${token}`;
    try {
        const answer = await fetch(url, {method: "POST", headers, body: JSON.stringify(body)});
        const limit = answer.headers.get("RateLimit"), reference = answer.headers.get("X-Request-Id");
        return [answer.status, limit, reference, await answer.json()];
    } catch (error) {
        return error.name;
    }
}"""


class FrontEnd(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Front end</title>")

    def log_message(self, *_given: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def front_end() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), FrontEnd) as pages:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{pages.server_port}"
        pages.shutdown()


def test_a_page_on_another_origin_resets_a_password(page: Page, front_end: str, tmp_path: Path) -> None:
    settings = {"BCRYPT_COST": "4", "FRONTEND_URL": front_end}
    with server.application(settings, tmp_path, seconds=60) as running:
        alice = Person(page, "alice@example.com", running)

        def call(path: str, body: dict[str, str], token: str | None = None) -> Any:
            return page.evaluate(CALL, {"url": running.base_url + path, "body": body, "token": token})

        page.goto(front_end)
        assert call("/register", {"email": alice.email, "password": PASSWORD})[0] == 201
        status, limit, reference, _ = call("/api/v1/auth/forgot-password", {"email": alice.email})
        assert (status, bool(limit), bool(reference)) == (200, True, True)

        page.goto(alice.link("Password reset for"))
        assert page.url.startswith(f"{front_end}/reset-password?token=")
        token = parse_qs(urlsplit(page.url).query)["token"][0]
        passwords = {"new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}
        assert call("/api/v1/auth/reset-password", passwords, token)[0] == 200
        assert call("/api/v1/auth/reset-password", passwords, token)[0] == 401
        assert call("/login", {"email": alice.email, "password": NEW_PASSWORD})[0] == 200
        assert page.context.cookies() == []

        page.goto(front_end.replace("127.0.0.1", "localhost"))  # Another origin, which has no permission.
        assert call("/api/v1/auth/forgot-password", {"email": alice.email}) == "TypeError"
