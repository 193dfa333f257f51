"""A visitor over HTTP: a client with cookies, forms with their CSRF token, and every way to ask for the same thing."""

import re
from collections.abc import Callable
from contextvars import Context
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.people import ALICE, PASSWORD


class Visitor(FlaskClient):
    """Gives each request a context of its own, as a server does; the test's application context would be shared."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return Context().run(super().open, *args, **kwargs)


def post_form(browser: FlaskClient, path: str, *, page: str | None = None, **fields: Any) -> TestResponse:
    """Open the page with the form, and send it as a browser does."""
    return press(browser, path, browser.get(page or path, follow_redirects=True).text, **fields)


def press(browser: FlaskClient, path: str, html: str, **fields: Any) -> TestResponse:
    """Send the form of a page that was opened before."""
    return browser.post(path, data={"csrf_token": csrf_token(html), **fields})


def csrf_token(html: str) -> str:
    """Return the token of the first form of a page."""
    match = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', html)
    assert match, html
    return match[1]


def sign_in(browser: FlaskClient, email: str = ALICE, password: str = PASSWORD) -> TestResponse:
    return post_form(browser, "/login", email=email, password=password)


def login(app_client: FlaskClient, email: str = ALICE, password: str = PASSWORD) -> TestResponse:
    return app_client.post("/api/v1/auth/login", json={"email": email, "password": password})


def forgot(app_client: FlaskClient, email: str = ALICE) -> TestResponse:
    return app_client.post("/api/v1/auth/forgot-password", json={"email": email})


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries an access token or a reset token."""
    return {"Authorization": f"Bearer {token}"}


FORGOT_DOORS: dict[str, Callable[[FlaskClient, str], TestResponse]] = {
    "v1": forgot,
    "marketplace": lambda client, email: client.post("/api/auth/forgot-password", json={"email": email}),
    "plain": lambda client, email: client.post("/forgot-password", json={"email": email}),
    "browser": lambda client, email: post_form(client, "/forgot-password", email=email),
}
SIGN_IN_DOORS: dict[str, Callable[[FlaskClient, str, str], TestResponse]] = {
    "v1": login,
    "marketplace": lambda client, email, password: client.post(
        "/api/auth/login", json={"email": email, "password": password}
    ),
    "plain": lambda client, email, password: client.post("/login", json={"email": email, "password": password}),
    "browser": sign_in,
    "seller": lambda client, email, password: client.post(
        "/api/auth/reset_password",
        json={"email": email, "old_password": password, "new_password": "some violet anvils"},
    ),
}
