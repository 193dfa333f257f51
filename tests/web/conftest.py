"""A visitor with a browser, as far as HTTP goes: keeps cookies and sends the forms that the pages hold."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chirp_auth.http.routing import Application
from tests.conftest import ALICE, PASSWORD


class Tab(FlaskClient):
    """Gives every request a context of its own, as a server does: the test's own would be shared by them all."""

    def open(self, *request: Any, **fields: Any) -> TestResponse:
        with self.application.app_context():
            return super().open(*request, **fields)


@dataclass
class Visitor:
    """One browser."""

    client: FlaskClient
    agent: str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

    def open(self, path: str) -> TestResponse:
        """Go to an address, and on to where it leads."""
        return self.client.get(path, headers=self._headers(), follow_redirects=True)

    def send(self, path: str, on: str | None = None, **fields: str) -> TestResponse:
        """Fill in the form at `path`, or a button of the page `on`, and send it; the answer is the first one."""
        token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', self.open(on or path).text)
        assert token, f"no form on {on or path}"
        return self.client.post(path, data={"csrf_token": token[1], **fields}, headers=self._headers())

    def sign_in(self, email: str = ALICE, password: str = PASSWORD, **choice: str) -> TestResponse:
        return self.send("/login", email=email, password=password, **choice)

    def _headers(self) -> dict[str, str]:
        return {"User-Agent": self.agent}


@pytest.fixture
def visitor(app: Application) -> Visitor:
    return Visitor(Tab(app, app.response_class))


@pytest.fixture
def elsewhere(app: Application) -> Visitor:
    """A second browser, on a telephone."""
    agent = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
    return Visitor(Tab(app, app.response_class), agent)


def words(answer: TestResponse) -> str:
    """Return what a page says, in one line, without its tags."""
    main = answer.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", "<" + main)).split())


def value_of(answer: TestResponse, field: str) -> str:
    """Return what stands in a field."""
    found = re.search(rf'<input id="{field}"[^>]*? value="([^"]*)"', answer.text)
    assert found, f"no field {field}"
    return unescape(found[1])
