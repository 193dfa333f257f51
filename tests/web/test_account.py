"""The home page, the places where Alice is signed in, and changing the password."""

from uuid import uuid4

import pytest

from chirp_auth.models import User
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, on_one_database
from tests.support.visitor import press
from tests.web.conftest import Visitor, value_of, words

pytestmark = on_one_database

CHANGE = {"current_password": PASSWORD, "new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}


def ids_of_others(page: str) -> list[str]:
    return [part.partition("/end")[0] for part in page.split('action="/sessions/')[1:] if "/end" in part[:45]]


def test_this_device_comes_first(visitor: Visitor, elsewhere: Visitor, alice: User) -> None:
    visitor.sign_in()
    elsewhere.sign_in()

    places = words(visitor.open("/")).partition("Where you are signed in")[2]

    assert places.index("Firefox on Linux This device") < places.index("Chrome on Android")


def test_one_place_is_signed_out(visitor: Visitor, elsewhere: Visitor, alice: User) -> None:
    visitor.sign_in()
    elsewhere.sign_in()
    (place,) = ids_of_others(visitor.open("/").text)

    visitor.send(f"/sessions/{place}/end", on="/")

    assert "Signed out there." in words(visitor.open("/"))
    assert elsewhere.client.get("/change-password").location == "/login"
    visitor.send(f"/sessions/{place}/end", on="/")
    assert "signed out already" in words(visitor.open("/"))


def test_everything_else_is_signed_out(visitor: Visitor, elsewhere: Visitor, alice: User) -> None:
    visitor.sign_in()
    elsewhere.sign_in()

    visitor.send("/sessions/end-others", on="/")

    assert "Signed out in 1 other place." in words(visitor.open("/"))
    assert elsewhere.client.get("/change-password").location == "/login"


def test_a_place_of_somebody_else_stays(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()

    assert visitor.send(f"/sessions/{uuid4()}/end", on="/").status_code == 303
    assert visitor.send("/sessions/nothing/end", on="/").status_code == 404


def test_the_password_is_changed_and_only_this_place_stays(visitor: Visitor, elsewhere: Visitor, alice: User) -> None:
    visitor.sign_in()
    elsewhere.sign_in()

    assert visitor.send("/change-password", **CHANGE).location == "/"

    assert "Signed out in 1 other place." in words(visitor.open("/"))
    assert elsewhere.client.get("/change-password").location == "/login"
    assert elsewhere.sign_in(password=NEW_PASSWORD).status_code == 303


def test_a_change_of_password_leaves_copies_of_the_cookie_worthless(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    copied = visitor.client.get_cookie("session")
    assert copied

    visitor.send("/change-password", **CHANGE)

    assert "Hello, Alice" in words(visitor.open("/"))
    thief = visitor.client.application.test_client()
    thief.set_cookie("session", copied.value)
    assert thief.get("/change-password").location == "/login"


def test_a_wrong_current_password_is_told_at_its_field(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()

    answer = visitor.send("/change-password", **{**CHANGE, "current_password": "wrong"})

    assert answer.status_code == 401
    assert '<a href="#current_password">That is not your current password.</a>' in answer.text


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"new_password": "password1", "confirm_password": "another"}, ["attackers try first", "do not match"]),
        ({"current_password": "", "confirm_password": "another"}, ["your current password", "do not match"]),
        (
            {"current_password": "", "new_password": "password1", "confirm_password": ""},
            ["your current password", "attackers try first", "Type the new password again"],
        ),
        ({"new_password": "", "confirm_password": "another"}, ["Choose a new password"]),
    ],
)
def test_what_is_wrong_with_a_new_password_is_said_at_once_and_nothing_hashed(
    visitor: Visitor, alice: User, monkeypatch: pytest.MonkeyPatch, typed: dict[str, str], told: list[str]
) -> None:
    visitor.sign_in()
    form = visitor.open("/change-password").text
    monkeypatch.setattr("chirp_auth.security.passwords.verify", None)
    monkeypatch.setattr("chirp_auth.security.passwords.hash_new", None)

    answer = press(visitor.client, "/change-password", form, **{**CHANGE, **typed})

    assert answer.status_code == 400
    summary = answer.text.partition('aria-labelledby="error-summary"')[2].partition("</div>")[0]
    assert summary.count("<li>") == len(told)
    assert all(sentence in summary for sentence in told)


def test_whether_the_current_password_is_right_is_told_only_when_the_new_one_can_be_taken(
    visitor: Visitor, alice: User
) -> None:
    visitor.sign_in()
    weak = CHANGE | {"new_password": "password1", "confirm_password": "password1"}

    right, wrong = (
        visitor.send("/change-password", **weak | {"current_password": typed}) for typed in (PASSWORD, "wrong")
    )

    assert (right.status_code, words(right)) == (wrong.status_code, words(wrong))


def test_a_session_that_ended_meanwhile_comes_back_to_the_form(
    visitor: Visitor, elsewhere: Visitor, alice: User
) -> None:
    visitor.sign_in()
    elsewhere.sign_in()
    elsewhere.send("/sessions/end-others", on="/")

    assert visitor.client.post("/change-password", data=CHANGE).location == "/login"
    assert visitor.sign_in().location == "/change-password"


def test_password_managers_find_the_form(visitor: Visitor) -> None:
    assert visitor.client.get("/.well-known/change-password").location == "/change-password"
    assert visitor.client.get("/.well-known/resource-that-should-not-exist").status_code == 404


def test_a_password_never_changed_is_not_called_changed(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    assert "Not changed since you registered" in words(visitor.open("/"))

    visitor.send("/change-password", **CHANGE)

    assert "Not changed since you registered" not in words(visitor.open("/"))
    assert value_of(visitor.open("/forgot-password"), "email") == ALICE
