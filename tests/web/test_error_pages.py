"""Pages for what goes wrong outside the forms: full pages with a next step, never a trace."""

from uuid import UUID

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.models import User
from tests.conftest import ALICE, PASSWORD
from tests.web.conftest import Visitor, words


def assert_is_whole(answer: TestResponse, status: int) -> None:
    assert answer.status_code == status
    page = answer.text
    assert page.count("<h1>") == 1
    assert f"Error {status}." in page
    assert answer.headers["X-Request-Id"] in page
    assert "Go to the start page" in page


def test_nothing_there(visitor: Visitor) -> None:
    assert_is_whole(visitor.open("/nothing"), 404)


def test_a_button_opened_by_hand(visitor: Visitor) -> None:
    answer = visitor.client.get("/logout")

    assert_is_whole(answer, 405)
    assert "POST" in answer.headers["Allow"]


def test_too_much_at_once(visitor: Visitor) -> None:
    answer = visitor.client.post("/login", data={"email": "a" * 1_100_000})

    assert_is_whole(answer, 413)
    assert "1 MB at most" in words(answer)


@pytest.mark.parametrize(
    "path",
    [
        "/sessions/end-others",
        "/sessions/00000000-0000-0000-0000-000000000000/end",
        "/reset-password/new-link",
        "/forgot-password/again",
        "/verify-email",
        "/verify-email/new-link",
    ],
)
def test_a_button_without_its_page(visitor: Visitor, path: str) -> None:
    assert_is_whole(visitor.client.post(path), 400)


@pytest.mark.parametrize("path", ["/login", "/register", "/forgot-password", "/change-password"])
def test_a_form_without_its_page_does_nothing(visitor: Visitor, alice: User, path: str) -> None:
    if path == "/change-password":
        visitor.sign_in()
    fields = {"email": ALICE, "password": PASSWORD, "current_password": PASSWORD}

    answer = visitor.client.post(path, data=fields)

    assert answer.status_code == 400
    assert "This page was open for too long" in words(answer)


def test_every_post_without_a_token_is_refused(
    app: Application, visitor: Visitor, elsewhere: Visitor, alice: User
) -> None:
    visitor.sign_in()
    nothing = UUID(int=0)
    posts = [
        rule.build(dict.fromkeys(rule.arguments, nothing))
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and rule.endpoint.startswith(("auth.web.", "auth.dev_mailbox."))
    ]
    paths = {path for _, path in filter(None, posts)} - {"/reset-password"}  # It looks at the link first.
    assert {"/login", "/logout", "/password-strength", f"/sessions/{nothing}/end", "/dev/mailbox/clear"} <= paths

    for path in paths:
        statuses = [browser.client.post(path).status_code for browser in (visitor, elsewhere)]
        # A page for strangers sends who is signed in home; a page of the account sends strangers to the sign-in.
        assert 400 in statuses, path
        assert set(statuses) <= {400, 303}, path


def test_a_spent_budget_behind_a_button(visitor: Visitor) -> None:
    for _ in range(3):
        visitor.send("/forgot-password", email=ALICE)

    answer = visitor.send("/reset-password/new-link", on="/login")

    assert_is_whole(answer, 429)
    assert "Retry-After" in answer.headers
    assert words(answer).count("try again in") == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_that_is_away_is_told_to_whoever_is_signed_in(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    db.session.execute(text("ALTER TABLE sessions RENAME TO gone"))
    db.session.commit()

    answer = visitor.client.get("/")

    assert_is_whole(answer, 503)
    assert "Retry-After" in answer.headers
    assert "SELECT" not in answer.text
