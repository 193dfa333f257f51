"""Mail over SMTP: what the server's moods do to a mail, and that none of them loses or leaks one."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
import time_machine
from flask import current_app
from sqlalchemy import update

from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail import smtp, smtp_replies, status
from chirp_auth.mail.smtp import ServerAway
from chirp_auth.models import OutboxEntry
from chirp_auth.worker import delivery
from config import Settings
from tests.conftest import ALICE, MALLORY
from tests.mail.conftest import entries
from tests.support.certificate import Certificate
from tests.support.smtp import SmtpServer
from tests.support.smtp import server as mail_server

Promise = Callable[..., None]
Ask = Callable[[], OutboxEntry]


def link_in(text: str) -> str:
    return next(word for word in text.split() if "token=" in word)


def test_a_mail_arrives_in_text_and_html_with_the_same_link(ask_for_a_link: Ask, smtp_server: SmtpServer) -> None:
    entry = ask_for_a_link()
    delivery.run_once()

    (mail,) = smtp_server.messages
    message = mail.message
    assert (mail.sender, mail.recipients) == ("no-reply@auth.example.com", (ALICE,))
    assert message["From"] == "Chirpworks <no-reply@auth.example.com>"
    assert message["To"] == ALICE
    assert message["Message-ID"] == entry.message_id
    assert message["Message-ID"].endswith("@auth.example.com>")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert "Alice Archer" in mail.text
    assert link_in(mail.text) in mail.html
    assert max(len(line) for line in mail.raw.splitlines()) <= 998
    assert entries()[0].sent_at


def test_one_refused_recipient_is_parked_and_the_others_get_their_mail(
    promise: Promise, smtp_server: SmtpServer
) -> None:
    smtp_server.refused_recipients.add(MALLORY)
    promise(1)
    promise(1, MALLORY)
    promise(1)

    delivery.run_once()

    assert [mail.recipients for mail in smtp_server.messages] == [(ALICE,), (ALICE,)]
    first, refused, last = entries()
    assert (refused.due_at, refused.sent_at, refused.last_error) == (
        None,
        None,
        "mailbox refused: 550 No such mailbox here",
    )
    assert first.sent_at
    assert last.sent_at


def test_what_the_server_says_is_kept_without_the_address(promise: Promise, smtp_server: SmtpServer) -> None:
    smtp_server.answer_to_data = f"554 5.7.1 <{ALICE}>: user Alice (ALICE@example.com) is over\x07quota"
    promise()

    delivery.run_once()

    (entry,) = entries()
    assert (entry.last_error or "").startswith("554 5.7.1 <")
    assert "quota" in (entry.last_error or "")
    assert "alice" not in (entry.last_error or "").lower()
    assert (entry.last_error or "").isprintable()


def test_a_link_that_the_server_quotes_comes_to_rest_nowhere(promise: Promise, smtp_server: SmtpServer) -> None:
    token = "WyJxWEw4ajQ5TFFzbXZzdjg4MmdINjlnIiwiIl0.awFU_A.WUoV9S1ePCmKHMLvvNW0vRp6o0fng-M-FWyxUcqTzDE"
    smtp_server.answer_to_data = f"554 Blocked, see https://auth.example.com/reset-password?token={token} or {token}"
    promise()

    delivery.run_once()

    assert entries()[0].last_error == "554 Blocked, see <link> or <link>"


def test_a_mail_that_is_put_off_goes_later(promise: Promise, smtp_server: SmtpServer) -> None:
    smtp_server.answer_to_data = "451 4.7.1 Greylisted"
    promise()
    delivery.run_once()

    (entry,) = entries()
    assert entry.last_error == "451 4.7.1 Greylisted"
    assert entry.due_at
    assert now() < entry.due_at < now() + timedelta(seconds=20)

    smtp_server.answer_to_data = None
    with time_machine.travel(entry.due_at):
        delivery.run_once()
    assert len(smtp_server.messages) == 1
    assert entries()[0].last_error is None


def test_a_server_that_is_away_postpones_everything_briefly(promise: Promise, smtp_server: SmtpServer) -> None:
    smtp_server.stop()
    promise(3)

    with pytest.raises(ServerAway):
        delivery.run_once()

    for entry in entries():
        assert entry.due_at
        assert entry.due_at < now() + timedelta(seconds=20)
        assert (entry.last_error or "").startswith("ConnectionRefusedError")
    smtp_server.start()
    with time_machine.travel(now() + timedelta(seconds=20)):
        delivery.run_once()
    assert len(smtp_server.messages) == 3


def test_a_server_that_hangs_up_unanswered_gets_the_same_mail_again(
    ask_for_a_link: Ask, smtp_server: SmtpServer
) -> None:
    ask_for_a_link()
    smtp_server.hang_up = "before the answer"
    delivery.run_once()
    smtp_server.hang_up = "never"
    with time_machine.travel(now() + timedelta(seconds=20)):
        delivery.run_once()

    first, second = smtp_server.messages
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert link_in(first.text) == link_in(second.text)


def test_a_server_that_hangs_up_after_each_mail_gets_each_once(promise: Promise, smtp_server: SmtpServer) -> None:
    smtp_server.hang_up = "after the answer"
    promise(4)

    assert delivery.run_once() == 4

    assert len(smtp_server.messages) == smtp_server.deliveries == 4
    assert all(entry.sent_at for entry in entries())


def test_a_server_that_never_answers_is_left_within_the_lease(
    promise: Promise, smtp_server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert delivery.LATEST_START + smtp.DELIVERY_SECONDS < 30
    monkeypatch.setattr(smtp, "DELIVERY_SECONDS", 0.5)
    smtp_server.seconds_before_answer = 5
    promise()

    delivery.run_once()

    (entry,) = entries()
    assert entry.sent_at is None
    assert "timed out" in (entry.last_error or "")


@pytest.mark.parametrize("drop", [b"2", b"220-one moment\r\n"])
def test_a_server_that_answers_in_drops_gains_no_time(
    promise: Promise, settings: Settings, monkeypatch: pytest.MonkeyPatch, drop: bytes
) -> None:
    monkeypatch.setattr(smtp, "DELIVERY_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings.smtp_host, settings.smtp_port = "127.0.0.1", listener.getsockname()[1]
        current_app.extensions["mail"].port = settings.smtp_port

        def dribble() -> None:
            client, _ = listener.accept()
            with client, suppress(OSError):
                while True:
                    client.sendall(drop)
                    time.sleep(0.2)

        thread = threading.Thread(target=dribble, daemon=True)
        thread.start()
        promise()
        started = time.monotonic()

        with pytest.raises(ServerAway, match="timed out"):
            delivery.run_once()

        assert time.monotonic() - started < 5
        thread.join(5)


def test_what_a_slow_server_leaves_no_time_for_is_given_back_untried(
    promise: Promise, smtp_server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "LATEST_START", 0.3)
    smtp_server.seconds_before_answer = 0.4
    promise(3)

    delivery.run_once()

    assert [(bool(entry.sent_at), entry.attempts) for entry in entries()] == [(True, 1), (False, 0), (False, 0)]
    smtp_server.seconds_before_answer = 0
    monkeypatch.undo()
    delivery.run_once()
    assert len(smtp_server.messages) == 3


def test_a_bug_in_one_mail_holds_up_no_other(app: Application, promise: Promise, smtp_server: SmtpServer) -> None:
    promise(1, "no address")
    promise(1)

    delivery.run_once()

    broken, good = entries()
    assert (broken.sent_at, broken.last_error) == (None, "InvalidEmail")
    assert broken.due_at
    assert good.sent_at


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_an_untrusted_certificate_is_refused_and_a_trusted_one_works(
    app: Application,
    settings: Settings,
    promise: Promise,
    certificate: Certificate,
    security: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secure = {"tls": certificate.server_context(), "tls_from_the_start": security == "tls"}
    with mail_server(**secure, accounts={"chirp": "a secret of the test"}) as server:
        _point(app, settings, server, security, "a secret of the test")
        promise()

        with pytest.raises(ServerAway, match="CERTIFICATE_VERIFY_FAILED"):
            delivery.run_once()
        assert server.messages == []

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
        with time_machine.travel(now() + timedelta(seconds=20)):
            delivery.run_once()
        (mail,) = server.messages
        assert (mail.encrypted, mail.signed_in_as) == (True, "chirp")


def test_a_server_without_starttls_gets_no_mail_in_the_clear(
    app: Application, settings: Settings, promise: Promise, smtp_server: SmtpServer
) -> None:
    _point(app, settings, smtp_server, "starttls", "a secret of the test")
    promise()

    with pytest.raises(ServerAway, match="STARTTLS"):
        delivery.run_once()

    assert smtp_server.messages == []


def test_a_wrong_smtp_password_is_told_to_operators_without_the_password(
    app: Application, settings: Settings, promise: Promise, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    with mail_server(tls=certificate.server_context(), accounts={"chirp": "a secret of the test"}) as server:
        _point(app, settings, server, "starttls", "another secret")
        promise()

        with pytest.raises(ServerAway, match="535"):
            delivery.run_once()
    assert "another secret" not in (entries()[0].last_error or "")


def _point(app: Application, settings: Settings, server: SmtpServer, security: str, password: str) -> None:
    """Let the application's mail go to this server, as this user."""
    update = {"smtp_host": server.host, "smtp_port": server.port, "smtp_security": security}
    app.extensions["settings"] = settings.model_copy(update=update)
    state = app.extensions["mail"]
    state.server, state.port, state.username, state.password = server.host, server.port, "chirp", password


@pytest.mark.parametrize(
    ("code", "words", "is_of_mailbox"),
    [
        (550, b"5.1.1 No such user", True),
        (550, "5.2.1 Mailbox disabled", True),
        (552, b"5.2.2 Mailbox full", True),
        (550, b"No such mailbox here", True),
        (550, b"5.7.1 Relaying denied", False),
        (554, b"5.7.1 Your host is blocked", False),
        (554, b"Blocked", False),
        (530, b"Sign in first", False),
    ],
)
def test_a_dead_mailbox_is_told_from_a_server_that_refuses_us(
    code: int, words: bytes | str, is_of_mailbox: bool
) -> None:
    assert smtp_replies.is_of_mailbox(code, words) is is_of_mailbox


def test_a_mail_that_the_server_refuses_for_another_reason_counts_as_one_that_needs_an_operator(
    promise: Promise, smtp_server: SmtpServer
) -> None:
    smtp_server.refused_recipients.add(MALLORY)
    promise(1, MALLORY)
    promise(1, MALLORY)
    delivery.run_once()
    blocked = update(OutboxEntry).where(OutboxEntry.id == entries()[0].id)
    db.session.execute(blocked.values(last_error="554 5.7.1 Your host is blocked"))
    db.session.commit()

    standing = status.read()

    assert (standing.parked, standing.parked_for_mailbox) == (2, 1)
