"""Each check decides alone: what the others would also catch is put out of the way, so that this one must hold.

Between reading and writing lies a hash, a quarter of a second in which somebody else can change the same rows.
"""

from collections.abc import Callable
from typing import Any

import bcrypt
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from chirp_auth.accounts import revocation
from chirp_auth.admin import support_links
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import OutboxEntry, PasswordResetToken, User
from tests.attacks.meanwhile import Meanwhile, act_after
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT, events
from tests.support.visitor import login

Ask = Callable[[], str]
Delivered = Callable[[], list[Mail]]

OTHER_PASSWORD = "some violet anvils"


@pytest.fixture
def meanwhile(app: Application, monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Let somebody else do something while the next hash is computed."""
    return act_after(app, monkeypatch, bcrypt, "hashpw", "checkpw")


def redeem(client: FlaskClient, token: str) -> TestResponse:
    body = {"token": token, "new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}
    return client.post("/api/auth/reset-password", json=body)


def change(client: FlaskClient, new_password: str = NEW_PASSWORD) -> TestResponse:
    body = {"email": ALICE, "old_password": PASSWORD, "new_password": new_password}
    return client.post("/api/auth/reset_password", json=body)


def write(table: type[Any], **values: Any) -> Callable[[], None]:
    """Return the act of writing to all rows of a table, past every rule."""

    def act() -> None:
        db.session.execute(update(table).values(**values))
        db.session.commit()

    return act


def replace_password(password: str) -> None:
    """Change Alice's password as every rule does."""
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    alice = db.session.scalars(select(User).where(User.email_key == ALICE)).one()
    assert revocation.change_credentials(alice, password_hash=hashed) is not None
    db.session.commit()


# The link, between its check and its redemption


def test_a_link_spent_meanwhile_is_refused(client: FlaskClient, ask: Ask, meanwhile: Meanwhile) -> None:
    token = ask()

    meanwhile(write(PasswordResetToken, used_at=now()))

    assert redeem(client, token).get_json()["error_code"] == "TOKEN_ALREADY_USED"
    assert login(client).status_code == 200


def test_a_link_voided_meanwhile_is_refused(client: FlaskClient, alice: User, ask: Ask, meanwhile: Meanwhile) -> None:
    token = ask()

    meanwhile(lambda: support_links.revoke_links(None, TEST_CLIENT))

    assert redeem(client, token).get_json()["error_code"] == "INVALID_TOKEN"
    assert login(client).status_code == 200


def test_a_link_of_credentials_replaced_meanwhile_is_refused(
    client: FlaskClient, ask: Ask, meanwhile: Meanwhile
) -> None:
    token = ask()

    meanwhile(write(User, credential_version=2))

    assert redeem(client, token).get_json()["error_code"] == "INVALID_TOKEN"
    assert login(client).status_code == 200


def test_a_voided_link_stays_void_though_the_version_came_back(client: FlaskClient, ask: Ask) -> None:
    token = ask()
    assert change(client).status_code == 200

    write(User, credential_version=1)()  # as a restored table of users would have it

    assert redeem(client, token).get_json()["error_code"] == "INVALID_TOKEN"


def test_a_link_that_a_change_voided_is_mailed_no_more_and_counts_as_over(
    client: FlaskClient, alice: User, ask: Ask, delivered: Delivered
) -> None:
    ask()
    assert support_links.count_usable(alice) == 1
    write(OutboxEntry, sent_at=None, due_at=now())()  # as by a worker that died before it could mark the mail

    assert change(client).status_code == 200

    assert support_links.count_usable(alice) == 0
    delivered()
    entry = db.session.scalars(select(OutboxEntry).where(OutboxEntry.kind == "reset_link")).one()
    assert entry.last_error == "replaced by a newer link"


# The credentials, between the password's check and the sign-in


def test_a_sign_in_overtaken_by_a_change_is_refused_and_says_so(
    client: FlaskClient, alice: User, meanwhile: Meanwhile
) -> None:
    meanwhile(write(User, credential_version=2))

    assert login(client).get_json()["code"] == "INVALID_CREDENTIALS"
    assert events("session.signed_in") == ["replaced"]


@pytest.mark.settings(bcrypt_cost=5)
def test_a_sign_in_overtaken_by_a_change_brings_no_old_password_back(
    client: FlaskClient, alice: User, meanwhile: Meanwhile
) -> None:
    write(User, password_hash=bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode())()  # it will be renewed

    meanwhile(lambda: replace_password(OTHER_PASSWORD))

    assert login(client).status_code == 401
    assert login(client, password=OTHER_PASSWORD).status_code == 200
    assert login(client).status_code == 401


def test_a_sign_in_to_an_account_disabled_meanwhile_is_refused(
    client: FlaskClient, alice: User, meanwhile: Meanwhile
) -> None:
    meanwhile(write(User, disabled_at=now()))

    assert login(client).get_json()["code"] == "INVALID_CREDENTIALS"
