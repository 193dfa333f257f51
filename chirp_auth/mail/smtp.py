"""Handing messages to the SMTP server: with time-outs, checked certificates, and errors sorted by what helps."""

import re
import smtplib
import ssl
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from chirp_auth.extensions import settings
from chirp_auth.mail.message import Message
from chirp_auth.mail.smtp_client import CLOSING
from chirp_auth.mail.smtp_connection import CheckedConnection
from chirp_auth.mail.smtp_replies import in_words, is_of_mailbox, without_secrets

DELIVERY_SECONDS = 20.0  # For one message with all its commands, so that its lease outlasts it.
UNCHECKED_SECONDS = 5.0  # A connection that was idle for longer is checked before it is used.


class ServerAway(Exception):
    """The server cannot be used just now, for whichever message: trying again later helps."""


class TryLater(Exception):
    """The server put this message off (4xx)."""


class BrokenOff(TryLater):
    """The server ended the conversation over this message: 421, no answer, hung up, or it refused our sender.

    Each of these is one message's delay. Only of several in a row, to different domains, is the server the cause.
    """

    def __init__(self, words: str, *, is_closed: bool = True) -> None:
        super().__init__(words)
        self.is_closed = is_closed  # The connection is closed, other than by running out of time.


class Refused(Exception):
    """The server will never take this message (5xx): for its recipient's mailbox alone, or for whatever reason."""

    def __init__(self, words: str, *, is_mailbox: bool = False) -> None:
        super().__init__(words)
        self.is_mailbox = is_mailbox


NOT_TAKEN = (ServerAway, TryLater, Refused)


class SmtpSender:
    """Delivers over one SMTP connection, made at the first message and anew after one that broke it off."""

    def __init__(self) -> None:
        self._connection: CheckedConnection | None = None
        self._used_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()

    @property
    def is_connected(self) -> bool:
        """Whether a connection is kept open."""
        return self._connection is not None

    def send(self, message: Message) -> None:
        deadline = time.monotonic() + DELIVERY_SECONDS
        if self._connection and time.monotonic() - self._used_at > UNCHECKED_SECONDS:
            self._check(deadline)
        if self._connection is None or not self._send_again(self._connection, message, deadline):
            self._connection = _connect(deadline)
            self._send(self._connection, message, deadline)

    def hang_up(self) -> None:
        """Say goodbye; a server that hung up already has all the same accepted what it accepted."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _check(self, deadline: float) -> None:
        """Hang up if the server no longer answers over the connection, which was idle."""
        if self._connection and not self._connection.is_alive(deadline):
            self.hang_up()

    def _send_again(self, connection: CheckedConnection, message: Message, deadline: float) -> bool:
        """Send over a connection that was used before; False if it was closed since, with nothing of this message."""
        try:
            self._send(connection, message, deadline)
        except BrokenOff as error:
            if connection.took_sender or not error.is_closed:
                raise
            return False
        return True

    def _send(self, connection: CheckedConnection, message: Message, deadline: float) -> None:
        connection.begin(deadline)
        try:
            connection.send(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()))
            raise self._sorted_by_code(code, words, message, is_mailbox=is_of_mailbox(code, words)) from None
        except smtplib.SMTPDataError as error:
            raise self._sorted_by_code(error.smtp_code, error.smtp_error, message) from None
        except (OSError, smtplib.SMTPException) as error:
            self.hang_up()
            is_closed = not isinstance(error, TimeoutError) and getattr(error, "smtp_code", CLOSING) == CLOSING
            raise BrokenOff(in_words(error), is_closed=is_closed) from None
        self._used_at = time.monotonic()

    def _sorted_by_code(
        self, code: int, words: bytes | str, message: Message, *, is_mailbox: bool = False
    ) -> Exception:
        local_part = re.escape(message.recipient.rpartition("@")[0])
        told = re.sub(rf"\b{local_part}\b", "<recipient>", without_secrets(code, words), flags=re.IGNORECASE)
        if code == CLOSING:
            self.hang_up()
            return BrokenOff(told)
        return Refused(told, is_mailbox=is_mailbox) if code >= 500 else TryLater(told)


def shake_hands() -> str:
    """Connect as for a delivery, and say in words how the connection is secured.

    Raises:
        ServerAway: no connection that could be used.
    """
    try:
        host = CheckedConnection(time.monotonic() + DELIVERY_SECONDS).configure_host()
    except (OSError, smtplib.SMTPException) as error:
        raise ServerAway(in_words(error)) from None
    try:
        secured = host.sock.version() if isinstance(host.sock, ssl.SSLSocket) else None
        return f"{secured or 'no TLS'}, {'signed in' if settings.smtp_user else 'not signed in'}"
    finally:
        with suppress(OSError, smtplib.SMTPException):
            host.quit()


def _connect(deadline: float) -> CheckedConnection:
    """Return an open connection.

    Raises:
        ServerAway: the server takes no connection, or does not greet us.
    """
    connection = CheckedConnection(deadline)
    try:
        connection.__enter__()
    except (OSError, smtplib.SMTPException) as error:
        raise ServerAway(in_words(error)) from None
    return connection
