"""What ends for one account ends for nobody else: each condition on the user in a write has somebody beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import select

from chirp_auth.accounts import (
    account_recovery,
    address_change,
    password_reset,
    registration,
    reset_links,
    sessions,
    sign_in,
)
from chirp_auth.accounts.registration import Applicant
from chirp_auth.admin import support_links
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken
from chirp_auth.extensions import db
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import AddressChange, PasswordResetToken, Session, User
from chirp_auth.security import tokens
from tests.attacks.test_layers import change, redeem
from tests.conftest import ALICE, MALLORY, PASSWORD, TEST_CLIENT
from tests.support.visitor import login


@dataclass(frozen=True)
class Bystander:
    """Mallory has an account this time, a session and an open link."""

    session: Session
    token: str
    rows: list[Any]

    def is_untouched(self) -> bool:
        db.session.remove()
        reset_links.check_link(self.token)
        return sessions.find(self.session.id) is not None and rows_of(self.session.user_id) == self.rows


def rows_of(user_id: UUID) -> list[Any]:
    """Return the account, its sessions and its links, column by column."""
    tables = User.__table__, Session.__table__, PasswordResetToken.__table__
    owners = (User.id, Session.user_id, PasswordResetToken.user_id)
    wanted = [select(table).where(owner == user_id) for table, owner in zip(tables, owners, strict=True)]
    return [tuple(row) for query in wanted for row in db.session.execute(query)]


@pytest.fixture
def bystander(alice: User) -> Bystander:
    mallory = registration.create(Applicant(MALLORY, PASSWORD), TEST_CLIENT)
    link = support_links.create_link(mallory, TEST_CLIENT)
    session = sign_in.sign_in(MALLORY, PASSWORD, TEST_CLIENT)
    db.session.remove()
    return Bystander(session, link.url.partition("token=")[2], rows_of(mallory.id))


def test_what_alice_does_touches_no_row_of_anybody_else(client: FlaskClient, alice: User, bystander: Bystander) -> None:
    token = support_links.create_link(alice, TEST_CLIENT).url.partition("token=")[2]

    assert login(client, password="a wrong guess").status_code == 401
    assert bystander.is_untouched()
    assert login(client).status_code == 200
    assert bystander.is_untouched()
    assert redeem(client, token).status_code == 200
    assert bystander.is_untouched()


def test_replaced_credentials_end_nothing_of_anybody_else(client: FlaskClient, bystander: Bystander) -> None:
    assert change(client).status_code == 200

    assert bystander.is_untouched()


@pytest.mark.parametrize("noun", ["session", "reset"])
def test_what_an_operator_ends_for_one_account_ends_for_no_other(
    runner: FlaskCliRunner, bystander: Bystander, noun: str
) -> None:
    mine = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    db.session.remove()

    assert runner.invoke(args=["auth", noun, "revoke", ALICE, "--yes"]).exit_code == 0

    assert bystander.is_untouched()
    assert (sessions.find(mine.id) is None) == (noun == "session")


def test_the_mails_of_one_account_are_not_counted_with_anothers(
    alice: User, bystander: Bystander, delivered: Callable[[], list[Mail]]
) -> None:
    for _ in range(3):
        password_reset.request_link(ALICE, TEST_CLIENT)
    assert _links_to(ALICE, delivered()) == 3

    password_reset.request_link(MALLORY, TEST_CLIENT)

    assert _links_to(MALLORY, delivered()) == 1


def _links_to(recipient: str, mails: list[Mail]) -> int:
    return sum(mail.to == recipient and mail.subject.startswith("Password reset for") for mail in mails)


def moved(user: User, old_email: str) -> AddressChange:
    """Store that the user left this address a moment ago."""
    change = AddressChange(
        user_id=user.id,
        credential_version=user.credential_version,
        old_email=old_email,
        old_email_key=old_email,
        new_email=user.email,
        new_email_key=user.email_key,
        confirmed_at=now(),
    )
    db.session.add(change)
    db.session.commit()
    return change


def objection(user: User, email_key: str) -> str:
    """Return the "this was not me" token of a notice that went to this address."""
    return tokens.mint(tokens.NOT_ME, user.id, now(), tokens.mark_of(email_key))


def test_nobody_gets_back_an_address_that_somebody_else_left(alice: User, bystander: Bystander) -> None:
    moved(bystander.session.user, "mallory@old.example.com")

    with pytest.raises(InvalidToken):
        account_recovery.check_link(objection(alice, "mallory@old.example.com"))


def test_a_reset_of_somebody_else_takes_no_objection_away(alice: User, bystander: Bystander) -> None:
    token = objection(alice, ALICE)
    mallorys = db.session.scalars(select(PasswordResetToken)).one()
    mallorys.used_at = now() + timedelta(seconds=2)
    db.session.commit()

    with time_machine.travel(now() + timedelta(minutes=1)):
        assert account_recovery.check_link(token) == ALICE


def test_taking_a_change_back_takes_back_nobody_elses(alice: User, bystander: Bystander) -> None:
    own, others = moved(alice, "alice@old.example.com"), moved(bystander.session.user, "mallory@old.example.com")

    account_recovery.secure_account(objection(alice, "alice@old.example.com"), TEST_CLIENT)

    db.session.expire_all()
    assert (own.undone_at is None, others.undone_at) == (False, None)


def test_the_changes_of_somebody_else_spend_nobodys_hour(alice: User, bystander: Bystander) -> None:
    for n in range(3):
        moved(bystander.session.user, f"mallory@{n}.example.com")

    session = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    address_change.request_change(session, PASSWORD, "alice@new.example.com", TEST_CLIENT)
