"""The delayed recovery of lost second factors: who starts it, who is told, who stops it, and what it does."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from chirp_auth.accounts import password_change, sessions, sign_in
from chirp_auth.accounts.factors import factor_recovery, factor_recovery_end, second_factor
from chirp_auth.admin import retention
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken, NotFound, TokenAlreadyUsed, TokenExpired
from chirp_auth.extensions import db
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import AuthenticatorApp, FactorRecovery, Passkey, RecoveryCode, SecurityEvent, User
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT, events, token_in
from tests.support.factors import with_authenticator, with_passkey

Ask = Callable[[], str]
Delivered = Callable[[], list[Mail]]
DELAY = timedelta(hours=72)


@pytest.fixture
def due_at(alice: User) -> datetime:
    """Alice's factors are lost, and their recovery has been started."""
    with_authenticator(alice)
    with_passkey(alice)
    return factor_recovery.start(alice, TEST_CLIENT, proved="password")


def work(after: timedelta = timedelta()) -> None:
    """Let the worker come by, so long after now."""
    with time_machine.travel(now() + after):
        factor_recovery_end.finish_and_remind()
    db.session.remove()


def change_password(user: User) -> None:
    session = sessions.add(db.session.get_one(User, user.id), TEST_CLIENT)
    db.session.commit()
    password_change.change_password(session, PASSWORD, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)
    db.session.remove()


def factors() -> int:
    return sum(
        db.session.scalar(select(func.count()).select_from(model)) or 0
        for model in (AuthenticatorApp, RecoveryCode, Passkey)
    )


def subjects(delivered: Delivered) -> list[str]:
    return [mail.subject for mail in delivered() if "factor" in mail.subject]


def test_whoever_has_a_reset_link_starts_it_and_the_owner_is_told(alice: User, ask: Ask, delivered: Delivered) -> None:
    with_authenticator(alice)
    token = ask()

    due_at = factor_recovery.start_by_link(token, TEST_CLIENT)

    assert timedelta(0) <= now() + DELAY - due_at < timedelta(seconds=5)
    mail = delivered()[0]
    assert mail.subject == "Second factor of your Chirpworks account lost?"
    assert "Firefox" in mail.text
    assert "192.0.2.x" in mail.text
    assert second_factor.is_on(alice.id)
    started = db.session.scalars(select(SecurityEvent).where(SecurityEvent.kind == "factor_recovery.started")).one()
    assert started.detail == {"proved": "link"}


def test_an_account_without_a_second_factor_has_nothing_to_recover(alice: User, ask: Ask) -> None:
    with pytest.raises(NotFound):
        factor_recovery.start_by_link(ask(), TEST_CLIENT)

    assert db.session.scalar(select(FactorRecovery.id)) is None


def test_starting_again_changes_nothing(due_at: datetime, alice: User, delivered: Delivered) -> None:
    with time_machine.travel(now() + timedelta(hours=5)):
        again = factor_recovery.start(alice, TEST_CLIENT, proved="link")

    assert again == due_at
    assert len(subjects(delivered)) == 1
    assert events("factor_recovery.started") == ["ok"]


def test_nothing_happens_before_the_time(due_at: datetime, alice: User) -> None:
    work(DELAY - timedelta(minutes=1))

    assert second_factor.is_on(alice.id)


def test_at_the_time_all_factors_go_and_everybody_is_out(
    due_at: datetime, alice: User, delivered: Delivered, ask: Ask
) -> None:
    session = sessions.add(alice, TEST_CLIENT)
    db.session.commit()
    version = alice.credential_version

    work(DELAY)
    work(DELAY)

    assert factors() == 0
    assert sessions.find(session.id) is None
    user = db.session.get(User, alice.id)
    assert user is not None
    assert user.credential_version == version + 1
    assert events("factor_recovery.done") == ["ok"]
    with time_machine.travel(now() + DELAY):
        assert subjects(delivered)[0] == "The second factors of your Chirpworks account are off"
    assert sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT).user_id == alice.id


def test_the_owner_is_reminded_once_a_day(due_at: datetime, delivered: Delivered) -> None:
    counts = []
    for hours in (1, 23, 25, 26, 47, 50, 51, 71):
        for _ in range(2):
            work(timedelta(hours=hours))
        with time_machine.travel(now() + timedelta(hours=hours)):
            counts.append(len(subjects(delivered)))

    assert counts == [1, 1, 2, 2, 2, 3, 3, 3]


def test_the_link_of_the_mail_stops_it(due_at: datetime, alice: User, delivered: Delivered) -> None:
    token = token_in(delivered()[0])

    assert factor_recovery.check_link(token).user_id == alice.id
    assert factor_recovery.cancel_by_link(token, TEST_CLIENT).email == ALICE
    work(DELAY)

    assert second_factor.is_on(alice.id)
    with pytest.raises(TokenAlreadyUsed):
        factor_recovery.cancel_by_link(token, TEST_CLIENT)
    assert events("factor_recovery.cancelled") == ["ok", "token_already_used"]


def test_its_end_makes_the_link_too_late(due_at: datetime, delivered: Delivered) -> None:
    token = token_in(delivered()[0])
    work(DELAY)

    with pytest.raises(TokenExpired):
        factor_recovery.cancel_by_link(token, TEST_CLIENT)


def test_somebody_signed_in_stops_it(due_at: datetime, alice: User) -> None:
    assert factor_recovery.cancel(alice, TEST_CLIENT)
    assert not factor_recovery.cancel(alice, TEST_CLIENT)
    work(DELAY)

    assert second_factor.is_on(alice.id)


def test_any_change_of_the_account_ends_it(due_at: datetime, alice: User, delivered: Delivered) -> None:
    token = token_in(delivered()[0])
    change_password(alice)

    assert factor_recovery.open_of(alice.id) is None
    work(timedelta(hours=25))
    assert len(subjects(delivered)) == 1  # Nobody is reminded of what cannot come.
    work(DELAY)

    assert second_factor.is_on(alice.id)
    with pytest.raises(TokenAlreadyUsed):
        factor_recovery.check_link(token)


def test_a_recovery_that_died_makes_way_for_another(due_at: datetime, alice: User) -> None:
    change_password(alice)
    user = db.session.get(User, alice.id)
    assert user is not None

    with time_machine.travel(now() + timedelta(hours=10)):
        assert factor_recovery.start(user, TEST_CLIENT, proved="link") > due_at


def test_a_mail_that_waited_until_it_was_stopped_does_not_leave(
    due_at: datetime, alice: User, delivered: Delivered
) -> None:
    factor_recovery.cancel(alice, TEST_CLIENT)

    assert subjects(delivered) == []


def test_a_link_of_somebody_else_stops_nothing(due_at: datetime, ask: Ask) -> None:
    for foreign in (ask(), "WyJieHdORG9vN1RGMmVmd29iTEQxT1h3IiwiIl0.aWdQgA.forged"):
        with pytest.raises(InvalidToken):
            factor_recovery.cancel_by_link(foreign, TEST_CLIENT)


def test_what_is_over_is_kept_for_thirty_days_and_what_is_open_for_ever(due_at: datetime, alice: User) -> None:
    with time_machine.travel(now() + timedelta(days=60)):
        assert retention.purge(TEST_CLIENT)["factor_recoveries"] == 0
    factor_recovery.cancel(db.session.get_one(User, alice.id), TEST_CLIENT)

    with time_machine.travel(now() + timedelta(days=29)):
        assert retention.purge(TEST_CLIENT)["factor_recoveries"] == 0
    with time_machine.travel(now() + timedelta(days=31)):
        assert retention.purge(TEST_CLIENT)["factor_recoveries"] == 1
