"""Name and phone number on a page."""

from chirp_auth.models import User
from tests.conftest import on_one_database
from tests.web.conftest import Visitor, value_of, words

pytestmark = on_one_database


def test_the_details_are_changed_and_cleared(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    assert value_of(visitor.open("/profile"), "last_name") == "Archer"

    changed = visitor.send("/profile", first_name="  Alicia ", last_name="", phone_number="98765 43210")

    assert changed.location == "/"
    home = words(visitor.open("/"))
    assert "Hello, Alicia" in home
    assert "Archer" not in home
    assert "+919876543210" in home


def test_every_mistake_is_told_at_once_and_nothing_is_lost(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()

    refused = visitor.send("/profile", first_name="A\x07", last_name="B" * 101, phone_number="nobody")

    assert refused.status_code == 400
    for field in ("first_name", "last_name", "phone_number"):
        assert f'<a href="#{field}">' in refused.text
    assert value_of(refused, "phone_number") == "nobody"
    assert "Hello, Alice Archer" in words(visitor.open("/"))


def test_only_its_owner_sees_the_form(visitor: Visitor) -> None:
    assert visitor.client.get("/profile").location == "/login"


def test_it_wants_our_own_page(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()

    assert visitor.client.post("/profile", data={"first_name": "Eve"}).status_code == 400
    assert "Hello, Alice" in words(visitor.open("/"))
