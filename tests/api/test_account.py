"""One's own account over v1: the profile, the activity, and confirming an address."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from chirp_auth.extensions import db
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from tests.api.talk import told
from tests.conftest import ALICE, MALLORY, PASSWORD, token_in

V1 = "/api/v1/auth"


@pytest.fixture
def header(client: FlaskClient, alice: User) -> dict[str, str]:
    """Alice's Authorization header."""
    token = told(client.post(f"{V1}/login", json={"email": ALICE, "password": PASSWORD}))["access_token"]
    return {"Authorization": f"Bearer {token}"}


def test_what_is_left_out_of_the_profile_or_null_stays_and_an_empty_string_clears(
    client: FlaskClient, header: dict[str, str]
) -> None:
    client.patch(f"{V1}/me", json={"phone_number": "1234567890"}, headers=header)
    client.patch(f"{V1}/me", json={"first_name": None, "last_name": "", "phone_number": None}, headers=header)
    client.patch(f"{V1}/me", json={}, headers=header)

    user = told(client.get(f"{V1}/me", headers=header))["user"]

    assert (user["first_name"], user["last_name"], user["phone_number"]) == ("Alice", None, "+911234567890")


def test_a_refused_profile_changes_nothing(client: FlaskClient, header: dict[str, str]) -> None:
    answer = client.patch(f"{V1}/me", json={"first_name": "Eve", "phone_number": "call me"}, headers=header)

    assert [wrong["field"] for wrong in told(answer)["errors"]] == ["phone_number"]
    assert told(client.get(f"{V1}/me", headers=header))["user"]["first_name"] == "Alice"


def test_nobody_makes_their_own_address_confirmed(client: FlaskClient, header: dict[str, str], alice: User) -> None:
    before = told(client.get(f"{V1}/me", headers=header))["user"]

    told_of_more = {"email": MALLORY, "id": "x", "email_verified": False, "password_hash": "x"}
    answer = client.patch(f"{V1}/me", json=told_of_more, headers=header)

    assert told(answer)["user"] == before


def test_the_activity_is_ones_own_newest_first_and_in_pages(client: FlaskClient, header: dict[str, str]) -> None:
    client.post(f"{V1}/register", json={"email": MALLORY, "password": PASSWORD})
    client.post(f"{V1}/login", json={"email": ALICE, "password": "nine wrong guesses"})
    client.post(f"{V1}/login", json={"email": MALLORY, "password": "nine wrong guesses"})

    page = told(client.get(f"{V1}/events?limit=1", headers=header))
    pages = page["events"]
    while page["next"] is not None:
        assert page["events"], "a page that was promised is not empty"
        page = told(client.get(f"{V1}/events?limit=1&before={page['next']}", headers=header))
        pages += page["events"]

    assert [(event["kind"], event["outcome"]) for event in pages] == [
        ("session.signed_in", "wrong_password"),
        ("session.signed_in", "ok"),
        ("user.created", "ok"),
    ]
    assert told(client.get(f"{V1}/events", headers=header)) == {"events": pages, "next": None}


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=-1", "limit=x", "limit=", "before=0", f"before={10**30}"]
)
def test_a_page_that_there_is_not_is_refused(client: FlaskClient, header: dict[str, str], query: str) -> None:
    assert client.get(f"{V1}/events?{query}", headers=header).status_code == 422


def test_a_mailed_link_confirms_the_address(client: FlaskClient, delivered: Callable[[], list[Mail]]) -> None:
    registered = told(client.post(f"{V1}/register", json={"email": MALLORY, "password": PASSWORD}))
    assert registered["user"]["email_verified"] is False

    for _ in range(2):  # People click twice.
        assert client.post(f"{V1}/verify-email", json={"token": token_in(delivered()[0])}).status_code == 200

    header = {"Authorization": f"Bearer {registered['access_token']}"}
    assert told(client.get(f"{V1}/me", headers=header))["user"]["email_verified"] is True


def test_a_reset_link_confirms_no_address(client: FlaskClient, ask: Callable[[], str]) -> None:
    assert told(client.post(f"{V1}/verify-email", json={"token": ask()}))["code"] == "INVALID_TOKEN"


@pytest.mark.parametrize("path", ["forgot-password", "resend-verification"])
def test_asking_for_a_link_reads_no_account_and_tells_none(client: FlaskClient, alice: User, path: str) -> None:
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))

    known, unknown = (client.post(f"{V1}/{path}", json={"email": email}) for email in (ALICE, MALLORY))

    assert known.status_code == unknown.status_code == 200
    assert known.text.replace(ALICE, MALLORY) == unknown.text
    assert statements
    assert not [statement for statement in statements if "users" in statement]
