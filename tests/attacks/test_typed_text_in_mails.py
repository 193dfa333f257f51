"""Whoever registers or asks types what they like: none of it reaches a mailbox that did not confirm its address."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from chirp_auth.accounts import address_change, password_reset, registration, sessions
from chirp_auth.accounts.registration import Applicant
from chirp_auth.admin import accounts, invitations
from chirp_auth.admin import outbox as admin_outbox
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail import outbox
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from chirp_auth.security.client import Client, device_in_words
from tests.conftest import ALICE, PASSWORD, TEST_CLIENT, on_one_database

pytestmark = on_one_database

VICTIM = "win.a.prize@example.net"
TYPED = ("win.a.prize", "You won", "Casino", "BuyNow")
LOUD = Client(face="test", ip="192.0.2.7", user_agent="BuyNow-bot/1.0 (+https://casino.example)", reference="test")

Delivered = Callable[[], list[Mail]]


def register() -> User:
    registration.register(Applicant(VICTIM, PASSWORD, "You won", "Casino"), LOUD)
    return db.session.query(User).filter_by(email=VICTIM).one()


def change_address(user: User, email: str) -> None:
    session = sessions.add(user, LOUD)
    db.session.commit()
    address_change.request_change(session, PASSWORD, email, LOUD)


def change_to_victim() -> None:
    change_address(registration.create(Applicant(ALICE, PASSWORD, "You won", "Casino"), LOUD), VICTIM)


def ask_for_link() -> None:
    register()
    password_reset.request_link(VICTIM, LOUD)


def leave_victim(delivered: Delivered) -> None:
    change_address(register(), ALICE)
    link = next(link for mail in delivered() if mail.to == ALICE for link in mail.links if "/confirm-address" in link)
    address_change.confirm_change(link.partition("token=")[2], LOUD)


def promise(kind: str, **params: Any) -> None:
    outbox.put(kind, VICTIM, register().id, ip=LOUD.ip, user_agent=LOUD.user_agent, **params)
    db.session.commit()


ACTS: dict[str, Callable[[Delivered], Any]] = {
    "email_verification": lambda _: register(),
    "reset_link": lambda _: ask_for_link(),
    "address_change": lambda _: change_to_victim(),
    "address_changed": leave_victim,
    "address_replaced": lambda _: accounts.set_email(register(), ALICE, LOUD, undoable=False),
    "account_state": lambda _: accounts.lock(register(), None, LOUD, tell=True),
    "account_locked": lambda _: promise("account_locked"),
    "existing_account": lambda _: promise("existing_account"),
    "password_changed": lambda _: promise("password_changed", ended=0),
    "invitation": lambda _: invitations.invite(VICTIM, "You won", "Casino", None, LOUD),
    "test": lambda _: admin_outbox.send_test(VICTIM, LOUD),
}


@pytest.mark.parametrize("kind", ACTS)
def test_no_mail_to_an_unconfirmed_address_holds_what_somebody_typed(
    app: Application, delivered: Delivered, kind: str
) -> None:
    ACTS[kind](delivered)

    mails = [mail for mail in delivered() if mail.to == VICTIM]
    assert mails
    for mail in mails:
        for part in (mail.subject, mail.text, mail.html):
            assert not [word for word in TYPED if word in part]
        assert mail.text.startswith("Hello,\n")
        assert "<p>Hello,</p>" in mail.html or ">Hello,</p>" in mail.html


def test_a_confirmed_address_is_greeted_by_name(app: Application, delivered: Delivered) -> None:
    register()
    db.session.execute(update(User).values(email_verified_at=User.created_at))
    db.session.commit()
    db.session.expire_all()
    password_reset.request_link(VICTIM, TEST_CLIENT)

    assert delivered()[0].text.startswith("Hello You won Casino,\n")


def test_a_device_is_called_by_a_name_that_we_know(app: Application) -> None:
    windows = "Mozilla/5.0 (Windows NT 10.0) Cheap/2.0"

    assert device_in_words(LOUD.user_agent) == "an unknown device"
    assert device_in_words(windows) == "a browser on Windows"
    assert device_in_words(TEST_CLIENT.user_agent) == "Firefox"
