"""Passwords: what is refused at every door, in words, and what costs the same whatever the hash."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.models import User
from config import ConfigurationError, Settings, load
from tests.conftest import ALICE, PASSWORD
from tests.support.visitor import login

Build = Callable[[Settings], Application]

LISTED = "correct horse battery staple"


@pytest.fixture
def listed(settings: Settings, tmp_path: Path, build: Build) -> FlaskClient:
    """A client of an application whose operator has a block list."""
    blocklist = tmp_path / "blocklist.txt"
    blocklist.write_text(f"hunter2hunter2\n{LISTED.upper()}\n", encoding="utf-8")
    return build(settings.model_copy(update={"password_blocklist_file": blocklist})).test_client()


def register(client: FlaskClient, password: str) -> tuple[int, str]:
    answer = client.post("/api/v1/auth/register", json={"email": "new@example.com", "password": password})
    return answer.status_code, answer.get_json().get("detail", "")


def stored_hash() -> str:
    db.session.remove()
    return db.session.query(User).filter_by(email=ALICE).one().password_hash or ""


def test_a_password_on_the_operators_list_is_refused(listed: FlaskClient) -> None:
    status, told = register(listed, LISTED)

    assert status == 400
    assert "list of passwords that attackers try first" in told
    assert register(listed, "four borrowed lanterns")[0] == 201


def test_a_block_list_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="PASSWORD_BLOCKLIST_FILE must name a text file"):
        load(_env_file=None, password_blocklist_file=tmp_path / "none.txt")


@pytest.mark.parametrize(
    "password", ["password1234", "chirpworkschirpworks", "new@example.com", "aaaaaaaaaaaaaaaa", "short"]
)
def test_passwords_that_attackers_try_first_are_refused(client: FlaskClient, password: str) -> None:
    status, told = register(client, password)

    assert status == 400
    assert password not in told


def test_a_password_of_an_older_cost_still_opens_and_is_hashed_anew(
    alice: User, settings: Settings, build: Build
) -> None:
    raised = build(settings.model_copy(update={"bcrypt_cost": 6}))

    assert login(raised.test_client(), password="wrong").status_code == 401
    assert login(raised.test_client(), password=PASSWORD).status_code == 200
    hashed_anew = stored_hash()
    assert login(raised.test_client(), password=PASSWORD).status_code == 200

    assert hashed_anew.startswith("$2b$06$")
    assert stored_hash() == hashed_anew, "a hash of today's cost is kept: a second one would double a sign-in's cost"
