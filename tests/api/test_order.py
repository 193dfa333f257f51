"""What is refused first where several things are wrong: body, address, token, mismatch, policy, account, password."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from chirp_auth.models import User
from tests.api.talk import told
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD

V1, SELLER = "/api/v1/auth", "/api/auth/reset_password"
MISMATCH = {"new_password": "short", "confirm_password": "shorter"}


def test_a_reset_looks_at_the_body_the_token_the_mismatch_and_the_policy(
    client: FlaskClient, ask: Callable[[], str]
) -> None:
    def code(body: dict[str, object], token: str = "") -> str:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return str(told(client.post(f"{V1}/reset-password", json=body, headers=headers))["code"])

    token = ask()
    assert code({"new_password": 7}) == "VALIDATION_FAILED"
    assert code({**MISMATCH}) == "UNAUTHENTICATED"
    assert code({**MISMATCH}, "x") == "INVALID_TOKEN"
    assert code({**MISMATCH}, token) == "PASSWORD_MISMATCH"
    assert code({**MISMATCH, "confirm_password": "short"}, token) == "PASSWORD_TOO_WEAK"


def test_a_member_is_missed_before_an_address_is_judged(client: FlaskClient) -> None:
    for path in ("register", "login"):
        assert told(client.post(f"{V1}/{path}", json={"email": "alice"}))["code"] == "VALIDATION_FAILED"
        answer = client.post(f"{V1}/{path}", json={"email": "alice", "password": "short"})
        assert told(answer)["code"] == "INVALID_EMAIL"


def test_a_registration_looks_at_the_password_before_the_account(client: FlaskClient, alice: User) -> None:
    weak = {"email": ALICE, "password": "short"}

    assert told(client.post(f"{V1}/register", json=weak))["code"] == "PASSWORD_TOO_WEAK"
    assert told(client.post(f"{V1}/register", json={**weak, "password": PASSWORD}))["code"] == "EMAIL_TAKEN"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"email": "mallory", "old_password": "", "new_password": "short"}, "Missing required fields"),
        ({"email": "mallory", "old_password": "x", "new_password": "short"}, "Invalid email format"),
        ({"email": MALLORY, "old_password": "x", "new_password": "short"}, "Password must be at least 8 characters"),
        ({"email": MALLORY, "old_password": "x", "new_password": NEW_PASSWORD}, "User not found"),
        ({"email": ALICE, "old_password": "x", "new_password": NEW_PASSWORD}, "Invalid old password"),
    ],
)
def test_sellers_learn_of_one_thing_after_the_other(
    client: FlaskClient, alice: User, wrong: dict[str, str], sentence: str
) -> None:
    assert told(client.post(SELLER, json=wrong))["error"].startswith(sentence)


def test_a_changed_password_looks_at_the_mismatch_the_policy_and_the_password(client: FlaskClient, alice: User) -> None:
    token = told(client.post(f"{V1}/login", json={"email": ALICE, "password": PASSWORD}))["access_token"]

    def code(**changed: object) -> str:
        body = {"current_password": "nine wrong guesses", **MISMATCH, **changed}
        headers = {"Authorization": f"Bearer {token}"}
        return str(told(client.post(f"{V1}/change-password", json=body, headers=headers))["code"])

    assert code(new_password=None) == "VALIDATION_FAILED"
    assert code() == "PASSWORD_MISMATCH"
    assert code(confirm_password="short") == "PASSWORD_TOO_WEAK"
    assert code(new_password=NEW_PASSWORD, confirm_password=NEW_PASSWORD) == "INVALID_CREDENTIALS"
