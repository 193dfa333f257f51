"""The page "Signing in": setting up an app, its recovery codes, and the proof that each change needs."""

import re
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from chirp_auth.accounts.factors import recovery_codes, second_factor
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.models import RecoveryCode, Session, User
from tests.conftest import NEW_PASSWORD, PASSWORD, on_one_database
from tests.support.factors import code_for, with_authenticator, wrong_code
from tests.web.conftest import Visitor, words

pytestmark = on_one_database

APP = "/security/authenticator-app"


def set_up(visitor: Visitor) -> tuple[TestResponse, str]:
    """Begin a set-up; return its page and the secret on it."""
    assert visitor.send(f"{APP}/begin", on="/security").location == APP
    page = visitor.open(APP)
    found = re.search(r'<code class="key">([A-Z2-7 ]+)</code>', page.text)
    assert found
    return page, found[1].replace(" ", "")


def grow_old() -> None:
    db.session.execute(update(Session).values(proved_at=now() - timedelta(minutes=6)))
    db.session.commit()


def codes_on(answer: TestResponse) -> list[str]:
    return re.findall(r"<li><code>([A-Z0-9]{5}-[A-Z0-9]{5})</code></li>", answer.text)


def test_alice_sets_up_an_app(visitor: Visitor, elsewhere: Visitor, alice: User) -> None:
    visitor.sign_in()
    elsewhere.sign_in()
    page, secret = set_up(visitor)

    shown = visitor.send(APP, code=code_for(secret))

    assert second_factor.is_on(alice.id)
    assert len(codes_on(shown)) == 10
    assert (shown.status_code, shown.headers["Cache-Control"]) == (200, "no-store")
    assert "You have 10 codes left." in words(visitor.open("/security"))
    assert "Hello" not in words(elsewhere.open("/"))
    assert f"secret={secret}" in unescape(page.text)


def test_the_page_of_a_set_up_obeys_the_content_security_policy(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    page, _secret = set_up(visitor)

    assert '<svg viewBox="' in page.text
    assert not re.search(r"<[^>]+\sstyle=", page.text)
    assert "<script>" not in page.text


def test_a_wrong_code_can_be_corrected(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    _page, secret = set_up(visitor)

    refused = visitor.send(APP, code=wrong_code(secret))

    assert refused.status_code == 401
    assert "That is not the code that the app shows now." in words(refused)
    assert len(codes_on(visitor.send(APP, code=code_for(secret)))) == 10


def test_codes_are_shown_once(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    _page, secret = set_up(visitor)
    codes = codes_on(visitor.send(APP, code=code_for(secret)))

    for path in ("/security", APP, "/security/recovery-codes", "/"):
        page = visitor.open(path)
        assert not any(code in page.text or code in str(page.headers) for code in codes)


def test_the_file_holds_the_codes_of_the_page(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    _page, secret = set_up(visitor)
    shown = visitor.send(APP, code=code_for(secret))
    token = re.search(r'name="csrf_token" value="([^"]+)"', shown.text)
    assert token
    fields = {"csrf_token": token[1], "code": codes_on(shown)}

    file = visitor.client.post("/security/recovery-codes/file", data=fields)

    assert file.headers["Content-Disposition"] == 'attachment; filename="recovery-codes.txt"'
    assert (file.mimetype, file.headers["Cache-Control"]) == ("text/plain", "no-store")
    assert all(code in file.text for code in fields["code"])


@pytest.mark.parametrize("code", [[], ["<script>"], ["K7QP4-M2XAC"] * 11, ["K7QP4-M2XAC\n"]])
def test_the_file_holds_nothing_else(visitor: Visitor, alice: User, code: list[str]) -> None:
    visitor.sign_in()
    token = re.search(r'name="csrf_token" value="([^"]+)"', visitor.open("/security").text)
    assert token

    answer = visitor.client.post("/security/recovery-codes/file", data={"csrf_token": token[1], "code": code})

    assert answer.status_code == 400


def test_few_codes_are_told(visitor: Visitor, alice: User) -> None:
    with_authenticator(alice)
    visitor.sign_in()
    visitor.send("/login/second-step", code="K7QP4M2XAC")

    assert "You have only 1 code left." in words(visitor.open("/security"))

    db.session.execute(update(RecoveryCode).values(used_at=now()))
    db.session.commit()
    assert "You have no code left." in words(visitor.open("/security"))


def test_new_codes_and_removal(visitor: Visitor, alice: User) -> None:
    secret = with_authenticator(alice)
    visitor.sign_in()
    visitor.send("/login/second-step", code=code_for(secret))

    assert len(codes_on(visitor.send("/security/recovery-codes"))) == 10
    assert visitor.send(f"{APP}/remove").location == "/security"
    assert "Set up an app" in words(visitor.open("/security"))
    assert not second_factor.is_on(alice.id)
    assert recovery_codes.left(alice.id) == 0


@pytest.mark.parametrize("path", [f"{APP}/remove", "/security/recovery-codes", "/change-password", "/delete-account"])
def test_an_old_proof_is_asked_for_again_and_leads_back(visitor: Visitor, alice: User, path: str) -> None:
    with_authenticator(alice)
    visitor.sign_in()
    visitor.send("/login/second-step", code="K7QP4M2XAC")
    grow_old()

    assert visitor.client.get(path).location == "/confirm"
    refused = visitor.send("/confirm", password="wrong", code="D2QP4M2XAC")
    assert (refused.status_code, "That is not your password." in words(refused)) == (401, True)
    assert visitor.send("/confirm", password=PASSWORD, code="D2QP4M2XAC").location == path
    assert visitor.client.get(path).status_code == 200


def test_a_button_leads_back_to_its_page(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    visitor.open("/security")
    grow_old()

    assert visitor.send(f"{APP}/begin", on="/security").location == "/confirm"
    assert "Code" not in words(visitor.open("/confirm"))
    assert visitor.send("/confirm", password=PASSWORD).location == "/security"


@pytest.mark.parametrize("path", ["/change-password", "/change-address", "/download-data", "/delete-account"])
def test_without_factors_no_proof_is_asked_for(visitor: Visitor, alice: User, path: str) -> None:
    visitor.sign_in()
    grow_old()

    page = visitor.client.get(path)

    assert page.status_code == 200
    assert 'autocomplete="current-password"' in page.text


@pytest.mark.parametrize("path", ["/change-password", "/change-address", "/download-data", "/delete-account"])
def test_without_a_password_there_is_no_field_for_one(visitor: Visitor, alice: User, path: str) -> None:
    visitor.sign_in()
    db.session.execute(update(User).values(password_hash=None))
    db.session.commit()

    page = visitor.client.get(path)

    assert page.status_code == 200
    assert 'autocomplete="current-password"' not in page.text


def test_whoever_has_no_password_sets_a_first_one(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    db.session.execute(update(User).values(password_hash=None))
    db.session.commit()

    visitor.send("/change-password", new_password=NEW_PASSWORD, confirm_password=NEW_PASSWORD)
    visitor.send("/logout", on="/")

    assert visitor.sign_in(password=NEW_PASSWORD).location == "/"


def test_an_unconfirmed_address_comes_first(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    db.session.execute(update(User).values(email_verified_at=None))
    db.session.commit()

    assert "Please confirm your email address first." in words(visitor.open("/security"))
    assert visitor.client.get("/security").status_code == 200
    assert visitor.client.get(APP).status_code == 403


@pytest.mark.parametrize("path", ["/security", APP, f"{APP}/remove", "/security/recovery-codes", "/confirm"])
def test_nobody_sees_them_without_a_sign_in(visitor: Visitor, path: str) -> None:
    assert visitor.client.get(path).location == "/login"


def test_a_set_up_needs_the_token_of_its_form(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    _page, secret = set_up(visitor)

    assert visitor.client.post(APP, data={"code": code_for(secret)}).status_code == 400
    assert not second_factor.is_on(alice.id)
