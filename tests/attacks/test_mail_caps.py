"""How many mails strangers can cause to one mailbox: few an hour, ten a day, whoever asks, under whatever spelling."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from chirp_auth.accounts import (
    account_recovery,
    address_change,
    email_verification,
    mail_caps,
    password_reset,
    registration,
    sessions,
)
from chirp_auth.accounts.registration import Applicant
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail import outbox
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import OutboxEntry, User
from tests.conftest import ALICE, PASSWORD, TEST_CLIENT, events
from tests.support.together import OK, in_threads

STRANGER = "stranger@example.net"

Delivered = Callable[[], list[Mail]]


def account(n: int) -> User:
    return registration.create(Applicant(f"mallory{n}@example.com", PASSWORD), TEST_CLIENT)


def ask_for_change(user: User, email: str = STRANGER) -> None:
    session = sessions.add(user, TEST_CLIENT)
    db.session.commit()
    address_change.request_change(session, PASSWORD, email, TEST_CLIENT)


def to(email: str, mails: list[Mail]) -> list[str]:
    return [mail.subject for mail in mails if mail.to.lower() == email]


def test_many_accounts_mail_one_stranger_no_more_than_one_could(app: Application, delivered: Delivered) -> None:
    spellings = (STRANGER, "Stranger@example.net", "stranger@EXAMPLE.NET")
    for n in range(4):
        mallory = account(n)
        for spelling in spellings:
            ask_for_change(mallory, spelling)

    assert len(to(STRANGER, delivered())) == 3
    assert events("address_change.withheld") == ["too_many_mails"] * 9


def test_all_kinds_but_reset_links_have_one_cap(app: Application, delivered: Delivered) -> None:
    registration.register(Applicant(STRANGER, PASSWORD), TEST_CLIENT)
    for _ in range(4):
        email_verification.request_link(STRANGER, TEST_CLIENT)
    user = db.session.scalars(select(User)).one()
    for _ in range(3):
        outbox.put("existing_account", STRANGER, user.id)
    db.session.commit()

    assert len(delivered()) == 3
    assert len(events("email_verification.withheld") + events("existing_account.withheld")) == 5


def test_whoever_registered_still_gets_three_reset_links(app: Application, delivered: Delivered) -> None:
    registration.register(Applicant(STRANGER, PASSWORD), TEST_CLIENT)
    for _ in range(5):
        password_reset.request_link(STRANGER, TEST_CLIENT)

    subjects = to(STRANGER, delivered())
    assert subjects.count("Password reset for Chirpworks") == 3
    assert len(subjects) == 4


def test_ten_a_day_and_the_last_three_are_for_reset_links(alice: User, delivered: Delivered) -> None:
    started = now()
    for hour in range(8):
        with time_machine.travel(started + timedelta(hours=hour, minutes=1)):
            for _ in range(3):
                outbox.put("existing_account", ALICE, alice.id)
            db.session.commit()
            delivered()
    flood = len(delivered())
    with time_machine.travel(started + timedelta(hours=9)):
        for _ in range(4):
            password_reset.request_link(ALICE, TEST_CLIENT)
        assert len(delivered()) == 10
    with time_machine.travel(started + timedelta(hours=11)):
        password_reset.request_link(ALICE, TEST_CLIENT)
        assert len(delivered()) == 10, "the day is spent"
    with time_machine.travel(started + timedelta(hours=25)):
        password_reset.request_link(ALICE, TEST_CLIENT)
        assert len(delivered()) == 11
    assert flood == 7


def test_reset_links_alone_are_ten_a_day(alice: User, delivered: Delivered) -> None:
    started = now()
    for hour in range(12):
        with time_machine.travel(started + timedelta(hours=hour * 2)):
            for _ in range(4):
                password_reset.request_link(ALICE, TEST_CLIENT)
            delivered()

    assert len(delivered()) == 10


def test_a_recovery_is_never_withheld(alice: User, delivered: Delivered) -> None:
    started = now()
    for hour in range(4):
        with time_machine.travel(started + timedelta(hours=hour * 2)):
            for _ in range(3):
                password_reset.request_link(ALICE, TEST_CLIENT)
            delivered()
    with time_machine.travel(started + timedelta(hours=7)):
        outbox.put("password_changed", ALICE, alice.id, ended=0)
        db.session.commit()
        notice = next(link for link in delivered()[0].links if "/not-me" in link)
        before = len(delivered())
        account_recovery.secure_account(notice.partition("token=")[2], TEST_CLIENT)

        assert len(delivered()) == before + 1


@pytest.mark.settings(web_threads=20)
def test_workers_at_once_count_one_after_the_other(app: Application, alice: User) -> None:
    for _ in range(8):
        outbox.put("existing_account", ALICE, alice.id)
    db.session.commit()
    entries = list(outbox.claim(8))
    db.session.commit()
    allowed: list[object] = []

    def decide(entry: OutboxEntry) -> Callable[[], None]:
        def one_worker() -> None:
            allowed.extend(mail_caps.allow([entry]))
            db.session.commit()

        return one_worker

    assert in_threads(app, [decide(entry) for entry in entries]) == [OK] * 8
    assert len(allowed) == 3, "none of them was sent yet, and each counts"


def test_a_batch_is_decided_at_once_in_the_order_of_asking(app: Application, alice: User) -> None:
    for n in range(4):
        outbox.put("existing_account", ALICE, alice.id)
        outbox.put("address_change", f"other{n % 2}@example.net", alice.id)
    db.session.commit()
    entries = outbox.claim(20)
    of_alice = [entry.id for entry in entries if entry.recipient == ALICE]

    allowed = mail_caps.allow(entries)
    db.session.commit()

    assert allowed == {entry.id for entry in entries} - {of_alice[-1]}
    assert mail_caps.allow(entries) == allowed, "a repeated try is no other mail"


def test_a_mail_on_its_way_counts_until_it_arrived(app: Application, alice: User, delivered: Delivered) -> None:
    for _ in range(3):
        outbox.put("existing_account", ALICE, alice.id)
    db.session.commit()
    entries = outbox.claim(3)
    mail_caps.allow(entries)
    for entry in entries:
        outbox.retry_later([entry], "451 Later")
    db.session.commit()

    with time_machine.travel(now() + timedelta(hours=2)):
        outbox.put("existing_account", ALICE, alice.id)
        db.session.commit()
        assert len(delivered()) == 3
    assert events("existing_account.withheld") == ["too_many_mails"]


def test_another_mailbox_is_none_the_worse(app: Application, alice: User, delivered: Delivered) -> None:
    for n in range(2):
        ask_for_change(account(n), STRANGER)
        ask_for_change(account(n + 2), "neighbour@example.net")
    password_reset.request_link(ALICE, TEST_CLIENT)

    mails = delivered()
    assert (len(to(STRANGER, mails)), len(to("neighbour@example.net", mails)), len(to(ALICE, mails))) == (2, 2, 1)
