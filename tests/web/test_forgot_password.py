"""Asking for a link in a browser: the same for everybody, and nothing has to be typed twice."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import OutboxEntry, User
from tests.conftest import ALICE, MALLORY
from tests.web.conftest import Visitor, value_of, words

Delivered = Callable[[], list[Mail]]


def outbox_recipients() -> list[str]:
    return list(db.session.scalars(select(OutboxEntry.recipient)))


def again(visitor: Visitor) -> str:
    """Press the button at once, and return what the page says."""
    visitor.send("/check-email/again", on="/check-email")
    return words(visitor.open("/check-email"))


def test_alice_gets_a_mail(visitor: Visitor, alice: User, delivered: Delivered) -> None:
    answer = visitor.send("/forgot-password", email=f"  {ALICE.upper()} ")

    assert (answer.status_code, answer.location) == (303, "/check-email")
    assert [mail.to for mail in delivered()] == [ALICE]
    assert ALICE.upper() in words(visitor.open("/check-email"))


def test_known_and_unknown_addresses_look_the_same(visitor: Visitor, elsewhere: Visitor, alice: User) -> None:
    with time_machine.travel(now(), tick=False):  # The pages count seconds.
        answers = [visitor.send("/forgot-password", email=ALICE), elsewhere.send("/forgot-password", email=MALLORY)]
        pages = [words(browser.open("/check-email")) for browser in (visitor, elsewhere)]

    assert answers[0].status_code == answers[1].status_code
    assert pages[0].replace(ALICE, "") == pages[1].replace(MALLORY, "")


@pytest.mark.parametrize("typed", ["", "alice", "alice@", "a\0lice@example.com", "a" * 300 + "@example.com"])
def test_what_is_no_address_is_said_and_kept(visitor: Visitor, typed: str) -> None:
    answer = visitor.send("/forgot-password", email=typed)

    assert answer.status_code == 400
    assert "<title>Error:" in answer.text
    assert value_of(answer, "email") == typed


def test_a_spent_budget_is_told_in_words_and_the_address_kept(visitor: Visitor) -> None:
    for _ in range(3):
        visitor.send("/forgot-password", email=ALICE)

    answer = visitor.send("/forgot-password", email=ALICE)

    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 3600
    assert re.search(r"Too many attempts\. Please try again in [\w ]+\.", words(answer))
    assert value_of(answer, "email") == ALICE
    assert "Need help? Write to" in answer.text


def test_another_mail_needs_a_wait_that_grows(visitor: Visitor, alice: User, delivered: Delivered) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        visitor.send("/forgot-password", email=ALICE)
        assert "Please wait 1 minute before you ask for another mail." in again(visitor)
        clock.shift(timedelta(seconds=61))
        assert "Please wait 2 minutes before you ask again." in again(visitor)
    assert len(delivered()) == 1  # Composed one after the other, the first was void before it left.


@pytest.mark.settings(rate_limits_enabled=False)
def test_a_spent_mailbox_is_promised_nothing(visitor: Visitor, delivered: Delivered) -> None:
    """The fourth mail of an hour would be withheld, without a word: so the page offers none."""
    with time_machine.travel("2026-11-28T20:00:00Z", tick=False) as clock:
        for _ in range(3):
            visitor.send("/forgot-password", email=MALLORY)
            clock.shift(timedelta(minutes=5))
        told = visitor.open("/check-email")
        assert "You have asked for 3 mails in the last hour. Only the link in the newest one works." in words(told)
        assert "You can ask for the next one at 28 Nov 2026, 21:00 UTC" in words(told)
        assert re.search(r'<form class="resend"[^>]* hidden>', told.text)
        assert "Please wait 45 minutes" in again(visitor)

        clock.shift(timedelta(minutes=46))
        assert "Please wait" not in words(visitor.open("/check-email"))
        visitor.send("/check-email/again", on="/check-email")
        assert "You can ask for the next one at 28 Nov 2026, 21:05 UTC" in words(visitor.open("/check-email"))


def test_a_limit_that_others_behind_the_same_address_spent_is_told(visitor: Visitor, elsewhere: Visitor) -> None:
    for _ in range(2):
        elsewhere.send("/forgot-password", email=MALLORY)
    visitor.send("/forgot-password", email=ALICE)

    told = words(visitor.open("/check-email"))

    assert "You have asked for 1 mail in the last hour." in told
    assert "You can ask for the next one at" in told


def test_asking_again_without_having_asked_leads_to_the_form(visitor: Visitor) -> None:
    answer = visitor.send("/check-email/again", on="/login")

    assert answer.location == "/forgot-password"


def test_a_likely_slip_is_asked_about_before_anything_is_sent(visitor: Visitor, delivered: Delivered) -> None:
    asked = visitor.send("/forgot-password", email="alice@gmial.com")

    assert (asked.status_code, "Did you mean alice@gmail.com ?" in words(asked)) == (200, True)
    assert value_of(asked, "email") == "alice@gmial.com"
    assert outbox_recipients() == []


@pytest.mark.parametrize(
    ("answer", "typed", "recipient"),
    [
        ("alice@gmail.com", "alice@gmial.com", "alice@gmail.com"),
        ("alice@gmial.com", "alice@gmial.com", "alice@gmial.com"),
        ("alice@gmail.com", "bob@example.com", "bob@example.com"),
    ],
)
def test_an_answer_counts_for_the_address_that_it_was_given_about(
    visitor: Visitor, answer: str, typed: str, recipient: str
) -> None:
    sent = visitor.send("/forgot-password", email=typed, confirmed_email=answer)

    assert sent.location == "/check-email"
    assert outbox_recipients() == [recipient]


def test_an_answer_is_no_answer_about_another_address(visitor: Visitor) -> None:
    asked = visitor.send("/forgot-password", email="bob@gmial.com", confirmed_email="alice@gmail.com")

    assert "Did you mean bob@gmail.com ?" in words(asked)
    assert outbox_recipients() == []


def test_the_address_comes_along_from_a_failed_sign_in(visitor: Visitor) -> None:
    visitor.sign_in(ALICE, "wrong")

    assert value_of(visitor.open("/forgot-password"), "email") == ALICE


def test_whoever_is_signed_in_need_not_type_the_address(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()

    assert value_of(visitor.open("/forgot-password"), "email") == ALICE


def test_a_stale_page_keeps_what_was_typed(visitor: Visitor, delivered: Delivered) -> None:
    answer = visitor.client.post("/forgot-password", data={"email": ALICE, "csrf_token": "stale"})

    assert answer.status_code == 400
    assert "Your browser did not keep our cookie" in words(answer)
    assert value_of(answer, "email") == ALICE

    again = visitor.client.post("/forgot-password", data={"email": ALICE, "csrf_token": "stale"})
    assert "This page was open for too long" in words(again)
