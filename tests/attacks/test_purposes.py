"""A reference that was signed for one purpose opens no other door, even where it names the very row that would.

A confirmation link and a "this was not me" link name the same row with the same mark: their salt alone tells them
apart. Here every reference names what the door wants, so at each door the salt decides alone.
"""

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from itsdangerous import URLSafeSerializer
from sqlalchemy import update

from chirp_auth.accounts import deletion, sign_in
from chirp_auth.clock import now
from chirp_auth.extensions import db, settings
from chirp_auth.models import AddressChange, KnownDevice, PasswordResetToken, User
from chirp_auth.security import tokens
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT
from tests.support.visitor import post_form

PURPOSES = (
    tokens.PASSWORD_RESET,
    tokens.EMAIL_VERIFICATION,
    tokens.REFRESH,
    tokens.NOT_ME,
    tokens.ADDRESS_CHANGE,
    tokens.KNOWN_DEVICE,
    tokens.DELETION_UNDO,
)

Sign = Callable[[str], str]  # Signs what the door wants for a purpose.
Opens = Callable[[FlaskClient, str], bool]

pytestmark = pytest.mark.settings(rate_limits_enabled=False)


def signed(row: UUID, mark: str = "") -> Sign:
    return lambda purpose: tokens.mint(purpose, row, now(), mark)


def reset_link(alice: User) -> Sign:
    row = PasswordResetToken(
        id=uuid4(),
        user_id=alice.id,
        credential_version=alice.credential_version,
        created_at=now(),
        expires_at=now() + timedelta(hours=1),
    )
    return _stored(row)


def link_of_the_account(alice: User) -> Sign:
    return signed(alice.id, tokens.mark_of(alice.email_key))


def address_change(alice: User) -> Sign:
    row = AddressChange(
        id=uuid4(),
        user_id=alice.id,
        credential_version=alice.credential_version,
        old_email=ALICE,
        old_email_key=ALICE,
        new_email="alice@new.example.com",
        new_email_key="alice@new.example.com",
    )
    return _stored(row)


def known_device(alice: User) -> Sign:
    sign = _stored(KnownDevice(id=uuid4(), user_id=alice.id, credential_version=alice.credential_version))
    a_while = now() + timedelta(minutes=10)  # Everywhere else the account is delayed.
    db.session.execute(update(User).values(failed_sign_ins=9, sign_in_blocked_until=a_while))
    db.session.commit()
    return sign


def undo_of_a_deletion(alice: User) -> Sign:
    deletion.request(sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT), PASSWORD, TEST_CLIENT)
    requested_at = db.session.get_one(User, alice.id, populate_existing=True).deletion_requested_at
    assert requested_at
    return lambda purpose: tokens.mint(purpose, alice.id, requested_at, tokens.mark_of(alice.email_key))


def refresh_token(alice: User) -> Sign:
    session = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    payload = tokens.mint_refresh(session).partition(".")[0]

    def sign(purpose: str) -> str:
        signer = {"key_derivation": "hmac", "digest_method": sha256}
        serializer = URLSafeSerializer(settings.secret_keys, salt=f"chirp-auth.{purpose}", signer_kwargs=signer)
        return serializer.make_signer(serializer.salt).sign(payload).decode()

    return sign


def _stored(row: PasswordResetToken | AddressChange | KnownDevice) -> Sign:
    db.session.add(row)
    db.session.commit()
    return signed(row.id)


def resets(client: FlaskClient, token: str) -> bool:
    body = {"token": token, "new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}
    return client.post("/api/auth/reset-password", json=body).status_code == 200


def confirms(client: FlaskClient, token: str) -> bool:
    return client.post("/api/v1/auth/verify-email", json={"token": token}).status_code == 200


def refreshes(client: FlaskClient, token: str) -> bool:
    return client.post("/api/v1/auth/refresh", json={"refresh_token": token}).status_code == 200


def shows(page: str) -> Opens:
    return lambda client, token: client.get(f"{page}?token={token}", follow_redirects=True).status_code == 200


def signs_in_during_a_delay(client: FlaskClient, token: str) -> bool:
    client.set_cookie("device", token, domain="localhost")
    return post_form(client, "/login", email=ALICE, password=PASSWORD).status_code == 303


DOORS: dict[str, tuple[Callable[[User], Sign], Opens]] = {
    tokens.PASSWORD_RESET: (reset_link, resets),
    tokens.EMAIL_VERIFICATION: (link_of_the_account, confirms),
    tokens.REFRESH: (refresh_token, refreshes),
    tokens.NOT_ME: (link_of_the_account, shows("/not-me")),
    tokens.ADDRESS_CHANGE: (address_change, shows("/confirm-address")),
    tokens.KNOWN_DEVICE: (known_device, signs_in_during_a_delay),
    tokens.DELETION_UNDO: (undo_of_a_deletion, shows("/undo-deletion")),
}


@pytest.mark.parametrize("purpose", PURPOSES)
def test_at_each_door_the_purpose_decides(client: FlaskClient, alice: User, purpose: str) -> None:
    prepare, opens = DOORS[purpose]
    sign = prepare(alice)

    opened_by = [other for other in PURPOSES if other != purpose and opens(client, sign(other))]

    assert opened_by == []
    assert opens(client, sign(purpose)), "the same reference with the right purpose"
