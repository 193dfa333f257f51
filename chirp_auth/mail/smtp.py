"""Handing messages to the SMTP server: with time-outs, checked certificates, and errors sorted by what helps."""

import re
import smtplib
import ssl
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from flask import current_app
from flask_mail import Connection

from chirp_auth.extensions import settings
from chirp_auth.mail.message import Message
from chirp_auth.mail.smtp_client import CLOSING, PunctualSmtp, PunctualSmtpTls

CONNECT_SECONDS = 10.0
DELIVERY_SECONDS = 20.0  # For one message with all its commands, so that its lease outlasts it.
UNCHECKED_SECONDS = 5.0  # A connection that was idle for longer is checked before it is used.

_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"']+@[^\s<>()\[\],;:\"']+")
# Servers quote what they refuse, and no secret may come to rest with us.
_LINK = re.compile(r"\S*(?:://|token=)\S*|[\w.=+/-]{40,}")
_ENHANCED_CODE = re.compile(r"5\.(\d{1,3})\.\d{1,3}\b")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


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
        self._connection: _CheckedConnection | None = None
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

    def _send_again(self, connection: "_CheckedConnection", message: Message, deadline: float) -> bool:
        """Send over a connection that was used before; False if it was closed since, with nothing of this message."""
        try:
            self._send(connection, message, deadline)
        except BrokenOff as error:
            if connection.took_sender or not error.is_closed:
                raise
            return False
        return True

    def _send(self, connection: "_CheckedConnection", message: Message, deadline: float) -> None:
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
            raise BrokenOff(_in_words(error), is_closed=is_closed) from None
        self._used_at = time.monotonic()

    def _sorted_by_code(
        self, code: int, words: bytes | str, message: Message, *, is_mailbox: bool = False
    ) -> Exception:
        local_part = re.escape(message.recipient.rpartition("@")[0])
        told = re.sub(rf"\b{local_part}\b", "<recipient>", _told(code, words), flags=re.IGNORECASE)
        if code == CLOSING:
            self.hang_up()
            return BrokenOff(told)
        return Refused(told, is_mailbox=is_mailbox) if code >= 500 else TryLater(told)


def is_of_mailbox(code: int, words: bytes | str) -> bool:
    """Say whether a recipient was refused for its own sake; without an enhanced code the reply code tells.

    RFC 3463, 3.2 and 3.3: 5.1 is about the address, 5.2 about the mailbox; 5.7, policy, is about us.
    """
    text = words.decode("ascii", "replace") if isinstance(words, bytes) else words
    enhanced = _ENHANCED_CODE.match(text.strip())
    if enhanced:
        return enhanced[1] in ("1", "2")
    return code in (550, 551, 552, 553)


def shake_hands() -> str:
    """Connect as for a delivery, and say in words how the connection is secured.

    Raises:
        ServerAway: no connection that could be used.
    """
    try:
        host = _CheckedConnection(time.monotonic() + DELIVERY_SECONDS).configure_host()
    except (OSError, smtplib.SMTPException) as error:
        raise ServerAway(_in_words(error)) from None
    try:
        secured = host.sock.version() if isinstance(host.sock, ssl.SSLSocket) else None
        return f"{secured or 'no TLS'}, {'signed in' if settings.smtp_user else 'not signed in'}"
    finally:
        with suppress(OSError, smtplib.SMTPException):
            host.quit()


def _connect(deadline: float) -> "_CheckedConnection":
    """Return an open connection.

    Raises:
        ServerAway: the server takes no connection, or does not greet us.
    """
    connection = _CheckedConnection(deadline)
    try:
        connection.__enter__()
    except (OSError, smtplib.SMTPException) as error:
        raise ServerAway(_in_words(error)) from None
    return connection


class _CheckedConnection(Connection):
    """Flask-Mail's connection with what it lacks: a deadline, certificate checks, and a quit that cannot fail."""

    def __init__(self, deadline: float) -> None:
        super().__init__(current_app.extensions["mail"])
        self._deadline = deadline

    def configure_host(self) -> PunctualSmtp:
        context = ssl.create_default_context()
        times = {"timeout": CONNECT_SECONDS, "deadline": self._deadline}
        host: PunctualSmtp
        if settings.smtp_security == "tls":
            host = PunctualSmtpTls(self.mail.server, self.mail.port, context=context, **times)
        else:
            host = PunctualSmtp(self.mail.server, self.mail.port, **times)
        try:
            if settings.smtp_security == "starttls":
                host.starttls(context=context)
            if self.mail.username and self.mail.password:
                host.login(self.mail.username, self.mail.password)
            host.ehlo_or_helo_if_needed()  # What fails here fails for every message.
        except BaseException:
            host.close()
            raise
        return host

    @property
    def took_sender(self) -> bool:
        """Whether the server has taken the sender of the message at hand."""
        return isinstance(self.host, PunctualSmtp) and self.host.took_sender

    def begin(self, deadline: float) -> None:
        """Give the next message its time."""
        if isinstance(self.host, PunctualSmtp):
            self.host.deadline = deadline

    def is_alive(self, deadline: float) -> bool:
        """Ask the server whether it still listens."""
        self.begin(deadline)
        with suppress(OSError, smtplib.SMTPException):
            return bool(self.host and self.host.noop()[0] == 250)
        return False

    def close(self) -> None:
        """Say goodbye; a server that hung up already has all the same accepted what it accepted."""
        if self.host is not None:
            with suppress(OSError, smtplib.SMTPException):
                self.host.quit()


def _in_words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _told(error.smtp_code, error.smtp_error)
    return _CONTROL.sub(" ", f"{type(error).__name__}: {error}")[:500]


def _told(code: int, words: bytes | str) -> str:
    """Return what the server said, fit to be kept: without links, addresses or control characters."""
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return _CONTROL.sub(" ", _ADDRESS.sub("<address>", _LINK.sub("<link>", f"{code} {text}")))[:500]
