"""CONCEAL_ACCOUNTS: no answer in any dialect tells who has an account; the owner alone is told, by mail."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from tests.api.talk import told
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, token_in

pytestmark = pytest.mark.settings(conceal_accounts=True)

PREFIXES = {"v1": "/api/v1/auth", "marketplace": "/api/auth", "plain": ""}
every_dialect = pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES)


@every_dialect
def test_registration_reads_the_same_for_new_and_taken_addresses(client: FlaskClient, alice: User, prefix: str) -> None:
    new, taken = (
        client.post(f"{prefix}/register", json={"email": email, "password": "nine calm otters"})
        for email in (MALLORY, ALICE)
    )

    assert (new.status_code, new.data, new.content_type) == (taken.status_code, taken.data, taken.content_type)
    assert new.status_code == 202
    assert set(told(new)) <= {"success", "message"}


@every_dialect
def test_the_owner_of_a_taken_address_is_told_by_mail(
    client: FlaskClient, alice: User, delivered: Callable[[], list[Mail]], prefix: str
) -> None:
    client.post(f"{prefix}/register", json={"email": ALICE, "password": "nine calm otters"})

    [mail] = delivered()

    assert mail.to == ALICE
    assert "account" in mail.subject
    assert client.post(f"{prefix}/login", json={"email": ALICE, "password": PASSWORD}).status_code == 200


@every_dialect
def test_until_the_address_is_confirmed_the_right_password_is_as_wrong_as_any(
    client: FlaskClient, delivered: Callable[[], list[Mail]], prefix: str
) -> None:
    client.post(f"{prefix}/register", json={"email": MALLORY, "password": PASSWORD})
    right = {"email": MALLORY, "password": PASSWORD}

    for password in (PASSWORD, NEW_PASSWORD):
        assert client.post(f"{prefix}/login", json={**right, "password": password}).status_code == 401

    client.post("/api/v1/auth/verify-email", json={"token": token_in(delivered()[0])})
    assert client.post(f"{prefix}/login", json=right).status_code == 200


def test_sellers_read_the_same_for_an_unknown_address_and_a_wrong_password(client: FlaskClient, alice: User) -> None:
    unknown, wrong = (
        client.post(
            "/api/auth/reset_password",
            json={"email": email, "old_password": "nine wrong guesses", "new_password": NEW_PASSWORD},
        )
        for email in (MALLORY, ALICE)
    )

    assert (unknown.status_code, unknown.data) == (wrong.status_code, wrong.data)
    assert (wrong.status_code, told(wrong)) == (401, {"error": "Invalid old password"})
