"""The activity page: what happened, in sentences, and "this was not me" for somebody who is signed in."""

from collections.abc import Callable
from typing import get_args

from chirp_auth import audit
from chirp_auth.audit.vocabulary import AccountKind
from chirp_auth.extensions import db
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from chirp_auth.security.client import Client
from chirp_auth.web import activity_words
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT
from tests.web.conftest import Visitor, words

Delivered = Callable[[], list[Mail]]


def test_every_kind_of_event_of_an_account_has_a_sentence() -> None:
    assert set(activity_words.DONE) == set(get_args(AccountKind))
    assert set(activity_words.REFUSED) <= set(activity_words.DONE)


def test_it_tells_what_was_done_and_what_was_refused(visitor: Visitor, elsewhere: Visitor, alice: User) -> None:
    elsewhere.sign_in(password="wrong")
    visitor.sign_in()

    told = words(visitor.open("/activity"))

    assert "A sign-in was refused. The password was wrong." in told
    assert "Chrome on Android" in told
    assert (
        told.index("Signed in.") < told.index("A sign-in was refused.") < told.index("Our support opened the account.")
    )
    assert "127.0.0.1" not in told


def test_nothing_of_others_is_told(visitor: Visitor, elsewhere: Visitor, alice: User) -> None:
    elsewhere.send("/register", email=MALLORY, password=NEW_PASSWORD)
    visitor.sign_in()

    told = words(visitor.open("/activity"))

    assert "The account was opened." not in told
    assert visitor.client.get("/activity").status_code == 200
    assert elsewhere.open("/activity").text.count("<h3>") == 1


def test_it_has_pages(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    for _ in range(60):
        audit.record("profile.changed", TEST_CLIENT, user_id=alice.id)
    db.session.commit()
    path, seen = "/activity", 0
    while path:
        answer = visitor.open(path)
        seen += answer.text.count("<h3>")
        older = answer.text.partition('href="/activity?before=')[2].partition('"')[0]
        path = f"/activity?before={older}" if older else ""

    assert seen == 62


def test_a_page_that_is_none_is_the_first(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()

    for before in ("x", "-1", "9" * 40, "٣", ""):
        assert "Signed in." in words(visitor.open(f"/activity?before={before}"))


def test_an_operators_device_is_nobodys_business(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    audit.record("user.unlocked", Client("cli", "203.0.113.9", "curl/8", actor="bob"), user_id=alice.id)
    db.session.commit()

    told = words(visitor.open("/activity"))

    assert "Our support unlocked the account." in told
    assert "curl" not in told
    assert "203.0.113" not in told
    assert "bob" not in told


def test_this_was_not_me_explains_and_its_button_shuts_everybody_out(
    visitor: Visitor, elsewhere: Visitor, alice: User, delivered: Delivered
) -> None:
    elsewhere.sign_in()
    visitor.sign_in()
    assert 'href="/activity/not-me"' in visitor.open("/activity").text
    assert "Was this not you?" in words(visitor.open("/activity/not-me"))
    assert elsewhere.client.get("/activity").status_code == 200

    assert visitor.send("/activity/not-me").location == "/not-me/done"

    assert elsewhere.client.get("/activity").location == "/login"
    assert visitor.client.get("/activity").location == "/login"
    assert elsewhere.sign_in(password=PASSWORD).status_code == 401
    links = [mail for mail in delivered() if "/reset-password?token=" in mail.text]  # And a notice.
    assert [mail.to for mail in links] == [ALICE]


def test_this_was_not_me_wants_our_own_page(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()

    assert visitor.client.post("/activity/not-me").status_code == 400
    assert visitor.client.get("/activity").status_code == 200


def test_whoever_could_not_come_back_is_not_shut_out(visitor: Visitor) -> None:
    visitor.send("/register", email=MALLORY, password=NEW_PASSWORD)

    page = visitor.open("/activity")

    assert "Change your password" in words(page)
    assert "/activity/not-me" not in page.text
    assert visitor.send("/activity/not-me", on="/activity").location == "/activity/not-me"
    assert "Hello, mallory" in words(visitor.open("/"))
