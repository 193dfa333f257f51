"""What people do over HTTP in the attacks: forms with their CSRF token, and the ways to ask for the same thing."""

import re
from collections.abc import Callable

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import ALICE, PASSWORD


def post_form(browser: FlaskClient, path: str, *, page: str | None = None, **fields: str) -> TestResponse:
    """Open the page with the form, and send it as a browser does."""
    opened = browser.get(page or path, follow_redirects=True)
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', opened.text)
    assert token, opened.text
    return browser.post(path, data={"csrf_token": token[1], **fields})


def sign_in(browser: FlaskClient, email: str = ALICE, password: str = PASSWORD) -> TestResponse:
    return post_form(browser, "/login", email=email, password=password)


def login(app_client: FlaskClient, email: str = ALICE, password: str = PASSWORD) -> TestResponse:
    return app_client.post("/api/v1/auth/login", json={"email": email, "password": password})


def forgot(app_client: FlaskClient, email: str = ALICE) -> TestResponse:
    return app_client.post("/api/v1/auth/forgot-password", json={"email": email})


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
