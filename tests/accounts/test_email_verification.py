"""Email verification: what confirms an address, and what no longer does."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import update

from chirp_auth.accounts import email_verification, registration
from chirp_auth.accounts.registration import Applicant
from chirp_auth.clock import now
from chirp_auth.errors import InvalidEmail, InvalidToken, TokenExpired
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from tests.conftest import ALICE, MALLORY, PASSWORD, TEST_CLIENT, token_in

Delivered = Callable[[], list[Mail]]


@pytest.fixture
def token(app: Application, delivered: Delivered) -> str:
    """Alice has registered and not confirmed her address yet; this is from her mail."""
    registration.register(Applicant(ALICE, PASSWORD), TEST_CLIENT)
    return token_in(delivered()[0])


def test_a_link_confirms_the_address_and_may_be_clicked_twice(token: str) -> None:
    first = email_verification.verify_email(token, TEST_CLIENT).email_verified_at
    with time_machine.travel(now() + timedelta(minutes=5)):
        db.session.remove()
        again = email_verification.verify_email(token, TEST_CLIENT).email_verified_at

    assert first is not None
    assert first == again


def test_looking_at_the_link_confirms_nothing(token: str) -> None:
    assert email_verification.check_link(token).email_verified_at is None


def test_a_link_dies_after_three_days(token: str) -> None:
    with time_machine.travel(now() + timedelta(days=3, minutes=1)), pytest.raises(TokenExpired):
        email_verification.verify_email(token, TEST_CLIENT)


@pytest.mark.parametrize("changed", [{"email_key": MALLORY}, {"disabled_at": now()}])
def test_a_link_dies_with_the_address_it_was_sent_to(token: str, changed: dict[str, object]) -> None:
    db.session.execute(update(User).values(**changed))
    db.session.commit()
    db.session.remove()

    with pytest.raises(InvalidToken):
        email_verification.verify_email(token, TEST_CLIENT)


def test_nobody_can_flood_a_mailbox_with_links(token: str, delivered: Delivered) -> None:
    def ask_often() -> int:
        for _ in range(5):
            email_verification.request_link(ALICE, TEST_CLIENT)
        return len(delivered())

    assert ask_often() == 3  # The first one was for the registration.
    with time_machine.travel(now() + timedelta(minutes=61)):
        assert ask_often() == 6


def test_a_reset_link_confirms_nothing(alice: User, ask: Callable[[], str]) -> None:
    with pytest.raises(InvalidToken):
        email_verification.verify_email(ask(), TEST_CLIENT)


def test_a_new_link_goes_to_who_is_waiting_and_to_nobody_else(token: str, delivered: Delivered) -> None:
    for email in (ALICE, MALLORY):
        email_verification.request_link(email, TEST_CLIENT)
    assert [mail.to for mail in delivered()] == [ALICE, ALICE]

    email_verification.verify_email(token, TEST_CLIENT)
    email_verification.request_link(ALICE, TEST_CLIENT)
    assert len(delivered()) == 2
    with pytest.raises(InvalidEmail):
        email_verification.request_link("alice", TEST_CLIENT)
