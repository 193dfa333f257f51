"""What ends for one account ends for nobody else: each condition on the user in a write has somebody beside it."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient, FlaskCliRunner

from chirp_auth.accounts import password_reset, registration, reset_links, sessions, sign_in
from chirp_auth.accounts.operators import support_links
from chirp_auth.accounts.registration import Applicant
from chirp_auth.extensions import db
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import Session, User
from tests.attacks.test_layers import change
from tests.conftest import ALICE, MALLORY, PASSWORD, TEST_CLIENT


@dataclass(frozen=True)
class Bystander:
    """Mallory has an account this time, a session and an open link."""

    session: Session
    token: str

    def is_untouched(self) -> bool:
        db.session.remove()
        reset_links.check_link(self.token)
        return sessions.find(self.session.id) is not None


@pytest.fixture
def bystander(alice: User) -> Bystander:
    mallory = registration.create(Applicant(MALLORY, PASSWORD), TEST_CLIENT)
    link = support_links.open_link(mallory, TEST_CLIENT)
    session = sign_in.sign_in(MALLORY, PASSWORD, TEST_CLIENT)
    db.session.remove()
    return Bystander(session, link.url.partition("token=")[2])


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
    assert len(delivered()) == 3

    password_reset.request_link(MALLORY, TEST_CLIENT)

    assert [mail.to for mail in delivered()].count(MALLORY) == 1
