"""A mail server that answers 421, stalls or hangs up for single recipients: nobody else's mail waits for theirs."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import cycle

import pytest
from sqlalchemy import select

from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail import outbox, smtp
from chirp_auth.mail.smtp import ServerAway
from chirp_auth.models import OutboxEntry, User
from chirp_auth.worker import delivery, dispatch, loop
from config import Settings
from tests.support.smtp import CLOSING, SmtpServer
from tests.support.worker import start_thread

HEALTHY = [f"healthy{n}@post.example.com" for n in range(10)]

Promise = Callable[..., None]


@pytest.fixture
def settings(settings: Settings, smtp_server: SmtpServer) -> Settings:
    return settings.model_copy(update={"smtp_host": smtp_server.host, "smtp_port": smtp_server.port})


@pytest.fixture
def promise(alice: User) -> Promise:
    """Promise one mail to each of these addresses, in this order."""

    def put(*recipients: str) -> None:
        for recipient in recipients:
            outbox.put("password_changed", recipient, alice.id, ended=0)
            db.session.commit()

    return put


@pytest.fixture
def working(app: Application) -> Iterator[None]:
    """A worker as in production, until the test ends."""
    stop = start_thread(app)
    yield
    stop()


def victims(domains: int) -> list[str]:
    """Forty recipients, who are at so many domains in turn."""
    domain = cycle(range(domains))
    return [f"victim{n}@domain{next(domain)}.example.com" for n in range(40)]


def outcome(recipient: str) -> OutboxEntry:
    db.session.remove()
    return db.session.scalars(select(OutboxEntry).where(OutboxEntry.recipient == recipient)).one()


def reached(smtp_server: SmtpServer) -> list[str]:
    return [recipient for mail in smtp_server.messages for recipient in mail.recipients]


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
def test_forty_recipients_with_421_hold_nobody_up(smtp_server: SmtpServer, promise: Promise, command: str) -> None:
    smtp_server.broken_off_at = dict.fromkeys(victims(1), command)  # type: ignore[arg-type]  # one of the two
    promise(*victims(1), *HEALTHY)
    began = now()

    delivery.run_once()

    assert sorted(reached(smtp_server)) == sorted(HEALTHY)
    delayed = outcome(victims(1)[0])
    assert (delayed.attempts, delayed.last_error, delayed.sent_at) == (1, CLOSING, None)
    assert delayed.due_at
    assert delayed.due_at > began + timedelta(seconds=4), "its own delay"


@pytest.mark.usefixtures("working")
def test_forty_recipients_at_forty_domains_hold_nobody_up_for_long(
    smtp_server: SmtpServer, promise: Promise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SUSPECT_PAUSE_SECONDS", 0.2)  # A second, after each three of the forty.
    smtp_server.broken_off_at = dict.fromkeys(victims(40), "RCPT")
    promise(*victims(40), *HEALTHY)

    smtp_server.wait_for(len(HEALTHY), seconds=60)

    assert sorted(reached(smtp_server)) == sorted(HEALTHY)


@pytest.mark.usefixtures("working")
def test_the_delayed_ones_leave_once_the_server_takes_them(smtp_server: SmtpServer, promise: Promise) -> None:
    smtp_server.broken_off_at = dict.fromkeys(victims(2)[:2], "RCPT")
    promise(*victims(2)[:2], *HEALTHY)
    smtp_server.wait_for(len(HEALTHY), seconds=60)
    smtp_server.broken_off_at = {}

    smtp_server.wait_for(len(HEALTHY) + 2, seconds=60)


def test_a_server_that_hangs_up_on_one_recipient_takes_the_others(smtp_server: SmtpServer, promise: Promise) -> None:
    smtp_server.hung_up_on = set(victims(1))
    promise(*victims(1), *HEALTHY)

    delivery.run_once()

    assert sorted(reached(smtp_server)) == sorted(HEALTHY)


def test_a_server_that_is_silent_about_one_recipient_costs_the_time_of_one(
    smtp_server: SmtpServer, promise: Promise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "DELIVERY_SECONDS", 3.0)
    monkeypatch.setattr(delivery, "LATEST_START", 25.0)
    smtp_server.silent_for = {victims(1)[0]}
    promise(victims(1)[0], *HEALTHY)
    began = time.monotonic()

    delivery.run_once()

    assert sorted(reached(smtp_server)) == sorted(HEALTHY)
    assert 3 <= time.monotonic() - began < 20
    assert "timed out" in (outcome(victims(1)[0]).last_error or "")
    smtp_server.silent_for.clear()


@pytest.mark.parametrize("answer", ["451 4.7.1 Not now", "421 4.3.2 Closing", "550 5.7.1 Not you"])
def test_a_refusal_of_our_sender_is_the_delay_of_that_message(
    smtp_server: SmtpServer, promise: Promise, answer: str
) -> None:
    smtp_server.answers_to_senders = [answer]
    promise(victims(1)[0], *HEALTHY)

    delivery.run_once()

    assert sorted(reached(smtp_server)) == sorted(HEALTHY)
    delayed = outcome(victims(1)[0])
    assert (delayed.last_error, delayed.sent_at) == (answer, None)
    assert delayed.due_at, "never given up: the sender is ours, whatever the message"


def test_a_server_that_breaks_off_at_several_domains_in_a_row_is_away(
    smtp_server: SmtpServer, promise: Promise
) -> None:
    several = victims(40)[: dispatch.DIFFERENT_DOMAINS]
    smtp_server.broken_off_at = dict.fromkeys(victims(40), "RCPT")
    promise(*victims(40))

    with pytest.raises(ServerAway, match="421"):
        delivery.run_once()

    assert [outcome(recipient).attempts for recipient in several] == [1] * len(several)
    untried = outcome(victims(40)[len(several)])
    assert (untried.attempts, untried.last_error) == (0, None)


@pytest.mark.settings(smtp_connections=1)  # So that they are tried in this order.
def test_a_server_that_answers_in_between_is_not_away(smtp_server: SmtpServer, promise: Promise) -> None:
    smtp_server.broken_off_at = dict.fromkeys(victims(10)[:10], "RCPT")
    in_turn = [address for pair in zip(victims(10)[:10], HEALTHY, strict=True) for address in pair]
    promise(*in_turn)

    delivery.run_once()

    assert sorted(reached(smtp_server)) == sorted(HEALTHY)


@pytest.mark.settings(smtp_connections=1)
def test_what_failed_before_lets_the_others_go_first(smtp_server: SmtpServer, promise: Promise) -> None:
    smtp_server.broken_off_at = dict.fromkeys(victims(40)[:2], "RCPT")
    promise(*victims(40)[:2])
    delivery.run_once()
    for entry in db.session.scalars(select(OutboxEntry)):
        entry.due_at = now()
    db.session.commit()
    smtp_server.broken_off_at = {}
    promise(HEALTHY[0])

    delivery.run_once()

    assert reached(smtp_server) == [HEALTHY[0], *victims(40)[:2]]
