"""Lost second factors in a browser: starting the waiting time, and stopping it by the mail or on a page."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine

from chirp_auth.accounts.factors import factor_recovery, factor_recovery_end, second_factor
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from tests.conftest import ALICE, PASSWORD, TEST_CLIENT, events, on_one_database, token_in
from tests.support.factors import code_for, with_authenticator
from tests.web.conftest import Visitor, words

pytestmark = on_one_database

Delivered = Callable[[], list[Mail]]
AT_RESET, AT_SIGN_IN = "/reset-password/lost-factors", "/login/lost-factors"
BANNER = "Somebody says that the second factor of this account is lost."


@pytest.fixture
def secret(alice: User) -> str:
    return with_authenticator(alice)


@pytest.fixture
def link(visitor: Visitor, alice: User, delivered: Delivered) -> str:
    """The path of a reset link that Alice was mailed."""
    visitor.send("/forgot-password", email=ALICE)
    return f"/reset-password?token={token_in(delivered()[0])}"


def test_the_reset_leads_to_the_waiting_time(visitor: Visitor, link: str, secret: str) -> None:
    assert AT_RESET in visitor.open(link).text
    asked = words(visitor.open(AT_RESET))
    assert "In 3 days we turn off" in asked
    assert ALICE in asked

    assert visitor.send(AT_RESET).location == AT_RESET

    told = words(visitor.open(AT_RESET))
    assert "The waiting time has begun" in told
    assert "UTC" in told
    assert events("factor_recovery.started") == ["ok"]


def test_looking_at_the_page_starts_nothing(visitor: Visitor, link: str, secret: str) -> None:
    visitor.open(link)
    visitor.open(AT_RESET)

    assert events("factor_recovery.started") == []


def test_the_second_step_leads_there_too(visitor: Visitor, secret: str) -> None:
    assert visitor.sign_in().location == "/login/second-step"
    assert AT_SIGN_IN in visitor.open("/login/second-step").text

    assert visitor.send(AT_SIGN_IN).location == AT_SIGN_IN

    assert "The waiting time has begun" in words(visitor.open(AT_SIGN_IN))


@pytest.mark.parametrize(
    ("path", "leads_to", "status"), [(AT_RESET, "Open the link", 404), (AT_SIGN_IN, "Sign in", 303)]
)
def test_without_a_proof_nothing_is_told(visitor: Visitor, secret: str, path: str, leads_to: str, status: int) -> None:
    assert leads_to in words(visitor.open(path))

    assert visitor.send(path, on="/login").status_code == status

    assert events("factor_recovery.started") == []


def test_an_account_without_a_second_factor_goes_on_with_its_reset(visitor: Visitor, link: str) -> None:
    visitor.open(link)

    assert "Choose a new password" in words(visitor.open(AT_RESET))


def test_a_ticket_of_before_a_change_starts_nothing(visitor: Visitor, secret: str, alice: User) -> None:
    visitor.sign_in()
    visitor.open(AT_SIGN_IN)
    with time_machine.travel(now() + timedelta(minutes=11)):
        assert "That took too long" in words(visitor.open(AT_SIGN_IN))


def test_every_page_of_the_account_shows_it_until_it_is_stopped(
    visitor: Visitor, elsewhere: Visitor, secret: str, alice: User
) -> None:
    elsewhere.sign_in()
    elsewhere.send("/login/second-step", code=code_for(secret))
    assert BANNER not in words(elsewhere.open("/"))
    factor_recovery.start(alice, TEST_CLIENT, proved="link")
    assert all(BANNER in words(elsewhere.open(path)) for path in ("/", "/activity", "/change-password"))
    assert BANNER not in words(visitor.open("/"))

    assert elsewhere.send("/cancel-recovery/own", on="/activity").location == "/"

    told = words(elsewhere.open("/"))
    assert "Stopped. Your second factors stay as they are." in told
    assert BANNER not in told
    assert factor_recovery.open_of(alice.id) is None


def test_the_button_wants_our_own_page_and_a_sign_in(visitor: Visitor, secret: str, alice: User) -> None:
    factor_recovery.start(alice, TEST_CLIENT, proved="link")

    assert visitor.send("/cancel-recovery/own", on="/login").location == "/login"
    visitor.sign_in()
    visitor.send("/login/second-step", code=code_for(secret))
    assert visitor.client.post("/cancel-recovery/own").status_code == 400

    assert factor_recovery.open_of(alice.id) is not None


def test_the_link_of_the_mail_shows_and_its_button_stops(
    visitor: Visitor, secret: str, alice: User, delivered: Delivered
) -> None:
    factor_recovery.start(alice, TEST_CLIENT, proved="link")
    token = token_in(delivered()[0])

    for _ in range(2):
        page = visitor.open(f"/cancel-recovery?token={token}")
        assert "Keep the second factors on?" in words(page)
        assert token not in page.text
    assert events("factor_recovery.cancelled") == []
    assert visitor.send("/cancel-recovery").location == "/cancel-recovery/done"

    assert "The second factors of your account stay on." in words(visitor.open("/cancel-recovery/done"))
    assert "It is stopped already" in words(visitor.open(f"/cancel-recovery?token={token}"))


def test_after_its_end_the_link_tells_the_way_back(
    visitor: Visitor, secret: str, alice: User, delivered: Delivered
) -> None:
    factor_recovery.start(alice, TEST_CLIENT, proved="link")
    token = token_in(delivered()[0])
    with time_machine.travel(now() + timedelta(days=3)):
        factor_recovery_end.finish_and_remind()
    db.session.remove()

    answer = visitor.client.get(f"/cancel-recovery?token={token}", follow_redirects=True)

    assert (answer.status_code, "It is too late to stop this" in words(answer)) == (410, True)
    assert not second_factor.is_on(alice.id)
    assert visitor.sign_in(password=PASSWORD).location == "/"
