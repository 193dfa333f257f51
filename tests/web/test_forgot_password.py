"""Asking for a link in a browser: the same for everybody, and nothing has to be typed twice."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine

from chirp_auth.clock import now
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from tests.conftest import ALICE, MALLORY
from tests.web.conftest import Visitor, value_of, words

Delivered = Callable[[], list[Mail]]


def test_alice_gets_a_mail(visitor: Visitor, alice: User, delivered: Delivered) -> None:
    answer = visitor.send("/forgot-password", email=f"  {ALICE.upper()} ")

    assert (answer.status_code, answer.location) == (303, "/forgot-password/sent")
    assert [mail.to for mail in delivered()] == [ALICE]
    assert ALICE.upper() in words(visitor.open("/forgot-password/sent"))


def test_known_and_unknown_addresses_look_the_same(visitor: Visitor, elsewhere: Visitor, alice: User) -> None:
    answers = [visitor.send("/forgot-password", email=ALICE), elsewhere.send("/forgot-password", email=MALLORY)]
    assert answers[0].status_code == answers[1].status_code

    pages = [words(browser.open("/forgot-password/sent")) for browser in (visitor, elsewhere)]
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
    def again() -> str:
        visitor.send("/forgot-password/again", on="/forgot-password/sent")
        return words(visitor.open("/forgot-password/sent"))

    with time_machine.travel(now(), tick=False) as clock:
        visitor.send("/forgot-password", email=ALICE)
        assert "Please wait 1 minute before you ask for another link." in again()
        clock.shift(timedelta(seconds=61))
        assert "Please wait 2 minutes before you ask again." in again()
    assert len(delivered()) == 1  # Composed one after the other, the first was void before it left.


def test_asking_again_without_having_asked_leads_to_the_form(visitor: Visitor) -> None:
    answer = visitor.send("/forgot-password/again", on="/login")

    assert answer.location == "/forgot-password"


def test_a_likely_slip_is_offered_and_not_forced(visitor: Visitor, delivered: Delivered) -> None:
    visitor.send("/forgot-password", email="alice@gmial.com")

    page = visitor.open("/forgot-password/sent")

    assert "Did you mean alice@gmail.com ?" in words(page)
    assert 'name="email" value="alice@gmail.com"' in page.text


def test_the_address_comes_along_from_a_failed_sign_in(visitor: Visitor) -> None:
    visitor.sign_in(ALICE, "wrong")

    assert value_of(visitor.open("/forgot-password"), "email") == ALICE


def test_whoever_is_signed_in_need_not_type_the_address(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()

    assert value_of(visitor.open("/forgot-password"), "email") == ALICE


def test_a_stale_page_keeps_what_was_typed(visitor: Visitor, delivered: Delivered) -> None:
    answer = visitor.client.post("/forgot-password", data={"email": ALICE, "csrf_token": "stale"})

    assert answer.status_code == 400
    assert "This page was open for too long" in words(answer)
    assert value_of(answer, "email") == ALICE
