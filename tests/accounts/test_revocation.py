"""Credentials: whatever replaces them ends sessions and voids links in the same transaction, or does nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chirp_auth.accounts import password_reset, reset_links, revocation, sessions, sign_in
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken
from chirp_auth.extensions import db
from chirp_auth.models import Session, User
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT

Ask = Callable[[], str]


@pytest.fixture
def places(alice: User) -> list[Session]:
    return [sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT) for _ in range(3)]


@pytest.mark.parametrize(
    "values", [{"email_key": "alice@example.net"}, {"disabled_at": now()}, {"password_hash": None}]
)
def test_any_change_ends_all_sessions_and_voids_all_links(
    alice: User, places: list[Session], ask: Ask, values: dict[str, Any]
) -> None:
    token = ask()

    assert len(revocation.change_credentials(alice, **values) or []) == 3
    db.session.commit()
    db.session.remove()

    assert [sessions.find(place.id) for place in places] == [None] * 3
    with pytest.raises(InvalidToken):
        reset_links.check_link(token)
    assert db.session.get_one(User, alice.id).credential_version == 2


def test_one_session_can_be_kept(alice: User, places: list[Session]) -> None:
    kept, *others = places

    assert len(revocation.change_credentials(alice, keep=kept.id) or []) == 2
    db.session.commit()
    db.session.remove()

    assert sessions.find(kept.id) is not None
    assert [sessions.find(other.id) for other in others] == [None, None]


def test_what_is_rolled_back_ended_nothing(alice: User, places: list[Session], ask: Ask) -> None:
    token = ask()

    revocation.change_credentials(alice, password_hash=None)
    db.session.rollback()
    db.session.remove()

    assert all(sessions.find(place.id) for place in places)
    reset_links.check_link(token)


def test_who_read_an_older_version_comes_too_late_and_changes_nothing(alice: User, places: list[Session]) -> None:
    late = db.session.get_one(User, alice.id)
    db.session.expunge(late)
    revocation.change_credentials(alice, keep=places[0].id, first_name="First")
    db.session.commit()

    assert revocation.change_credentials(late, first_name="Second") is None
    db.session.commit()
    db.session.remove()

    assert db.session.get_one(User, alice.id).first_name == "First"
    assert sessions.find(places[0].id) is not None


def test_only_what_was_alive_is_told_as_ended(alice: User, places: list[Session]) -> None:
    ended, expired, _ = places
    ended.revoked_at = now() - timedelta(hours=1)
    expired.expires_at = now() - timedelta(hours=1)
    db.session.commit()
    before = ended.revoked_at

    assert len(revocation.change_credentials(alice) or []) == 1
    db.session.commit()

    db.session.refresh(ended)
    assert ended.revoked_at == before, "when it ended stays on record"


def test_a_used_link_is_used_and_not_void(alice: User, ask: Ask) -> None:
    token = ask()
    password_reset.reset_password(token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)
    db.session.remove()

    row = reset_links.genuine(token)
    assert (row.used_at is None, row.revoked_at) == (False, None)
