"""Pages for what goes wrong outside the forms: full pages with a next step, never a trace."""

import re
from html import unescape
from uuid import UUID

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.models import User
from tests.conftest import ALICE, PASSWORD, on_one_database
from tests.support.visitor import press
from tests.web.conftest import Visitor, value_of, words

pytestmark = on_one_database


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
        "/reset-password/new-link",
        "/check-email/again",
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
    said = "This page was open for too long" if path == "/change-password" else "Your browser did not keep our cookie"
    assert said in words(answer)


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
    # They look at the link, the ticket, the set-up or the passkey first, and lead on where there is none.
    look_first = {
        "/reset-password",
        "/login/second-step",
        "/login/second-step/passkey",
        "/security/authenticator-app",
        f"/passkeys/{nothing}/rename",
    }
    paths = {path for _, path in filter(None, posts)} - look_first
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


def test_trying_again_leads_back_to_the_form_as_it_was_without_its_password(visitor: Visitor) -> None:
    typed = {"email": ALICE, "first_name": '"><b>', "phone_number": "123456"}
    form = visitor.open("/register").text
    db.session.execute(text("ALTER TABLE users RENAME TO gone"))
    db.session.commit()
    away = press(visitor.client, "/register", form, password="twelve brown owls", **typed)
    db.session.execute(text("ALTER TABLE gone RENAME TO users"))
    db.session.commit()

    assert_is_whole(away, 503)
    assert "Write to help@example.com" in words(away)
    button = re.search(r'<form class="post-button" method="post" action="/register">.*?</form>', away.text, re.DOTALL)
    assert button
    assert "twelve brown owls" not in away.text
    sent = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', button[0])}
    back = visitor.client.post("/register", data=sent)

    assert (back.status_code, "There is a problem" in words(back)) == (200, False)
    assert {name: value_of(back, name) for name in typed} == typed


def test_trying_again_after_a_limit_asks_for_the_same(visitor: Visitor, alice: User) -> None:
    for _ in range(3):
        visitor.send("/forgot-password", email=ALICE)

    answer = visitor.send("/reset-password/new-link", on="/login")

    assert 'method="post" action="/reset-password/new-link"' in answer.text


def test_a_database_that_is_away_is_told_to_whoever_is_signed_in(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    db.session.execute(text("ALTER TABLE sessions RENAME TO gone"))
    db.session.commit()

    answer = visitor.client.get("/")

    assert_is_whole(answer, 503)
    assert "Retry-After" in answer.headers
    assert "SELECT" not in answer.text
