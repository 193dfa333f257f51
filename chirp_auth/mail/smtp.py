"""Handing messages to the SMTP server: with time-outs, checked certificates, and errors sorted by what helps."""

import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from types import TracebackType
from typing import Any, Self

from flask import current_app
from flask_mail import Connection, Message

from chirp_auth.extensions import settings

CONNECT_SECONDS = 10.0
DELIVERY_SECONDS = 20.0  # For one message with all its commands, so that its lease outlasts it.
CLOSING = 421  # The server closes the connection after it (RFC 5321, 3.8).

_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"']+@[^\s<>()\[\],;:\"']+")
# Servers quote what they refuse, and no secret may come to rest with us.
_LINK = re.compile(r"\S*(?:://|token=)\S*|[\w.=+/-]{40,}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


class ServerAway(Exception):
    """The server cannot be used just now, for whichever message: trying again later helps."""


class TryLater(Exception):
    """The server put this message off (4xx)."""


class BrokenOff(TryLater):
    """The server ended the conversation over this message: 421, no answer, hung up, or it refused our sender.

    Each of these is one message's delay. Only of several in a row, to different domains, is the server the cause.
    """


class Refused(Exception):
    """The server will never take this message (5xx)."""


NOT_TAKEN = (ServerAway, TryLater, Refused)


class SmtpSender:
    """Delivers over one SMTP connection, made at the first message and anew after one that broke it off."""

    def __init__(self) -> None:
        self._connection: _CheckedConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hang_up()

    def send(self, message: EmailMessage) -> None:
        connection = self._ready_connection()
        try:
            connection.send(_Envelope(message))
        except smtplib.SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()))
            raise self._sorted_by_code(code, words, message) from None
        except smtplib.SMTPDataError as error:
            raise self._sorted_by_code(error.smtp_code, error.smtp_error, message) from None
        except (OSError, smtplib.SMTPException) as error:
            self._hang_up()
            raise BrokenOff(_in_words(error)) from None

    def _ready_connection(self) -> "_CheckedConnection":
        """Return the open connection, or a new one where the server has hung up since the last message.

        Raises:
            ServerAway: it takes no connection, or does not greet us.
        """
        if self._connection and not self._connection.is_alive():
            self._hang_up()
        if self._connection is None:
            connection = _CheckedConnection(current_app.extensions["mail"])
            try:
                connection.__enter__()
            except (OSError, smtplib.SMTPException) as error:
                raise ServerAway(_in_words(error)) from None
            self._connection = connection
        return self._connection

    def _sorted_by_code(self, code: int, words: bytes | str, message: EmailMessage) -> Exception:
        local_part = re.escape(message["To"].rpartition("@")[0])
        told = re.sub(rf"\b{local_part}\b", "<recipient>", _told(code, words), flags=re.IGNORECASE)
        if code == CLOSING:
            self._hang_up()
            return BrokenOff(told)
        return Refused(told) if code >= 500 else TryLater(told)

    def _hang_up(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


def shake_hands() -> str:
    """Connect as for a delivery, and say in words how the connection is secured.

    Raises:
        ServerAway: no connection that could be used.
    """
    try:
        host = _CheckedConnection(current_app.extensions["mail"]).configure_host()
    except (OSError, smtplib.SMTPException) as error:
        raise ServerAway(_in_words(error)) from None
    try:
        secured = host.sock.version() if isinstance(host.sock, ssl.SSLSocket) else None
        return f"{secured or 'no TLS'}, {'signed in' if settings.smtp_user else 'not signed in'}"
    finally:
        with suppress(OSError, smtplib.SMTPException):
            host.quit()


class _CheckedConnection(Connection):
    """Flask-Mail's connection with what it lacks: a deadline, certificate checks, and a quit that cannot fail."""

    def configure_host(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        host: _Punctual
        if settings.smtp_security == "tls":
            host = _PunctualTls(self.mail.server, self.mail.port, timeout=CONNECT_SECONDS, context=context)
        else:
            host = _Punctual(self.mail.server, self.mail.port, timeout=CONNECT_SECONDS)
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

    def is_alive(self) -> bool:
        """Say whether the server still listens, and give the next message its own time."""
        if not isinstance(self.host, _Punctual):
            return False
        self.host.begin()
        with suppress(OSError, smtplib.SMTPException):
            return self.host.noop()[0] == 250
        return False

    def close(self) -> None:
        """Say goodbye; a server that hung up already has all the same accepted what it accepted."""
        if self.host is not None:
            with suppress(OSError, smtplib.SMTPException):
                self.host.quit()


class _Punctual(smtplib.SMTP):
    """SMTP whose commands share one deadline: a server that is slow at each of them must not outlast the lease."""

    def __init__(self, *where: Any, **how: Any) -> None:
        self.begin()
        super().__init__(*where, **how)

    def begin(self) -> None:
        """Give the next message its time."""
        self._deadline = time.monotonic() + DELIVERY_SECONDS

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock:
            self.file = _Lines(self.sock, self.time_left)
        return super().getreply()

    def send(self, s: Any) -> None:
        if self.sock:
            self.sock.settimeout(self.time_left())
        super().send(s)

    def time_left(self) -> float:
        """Return the seconds that the message has left; never nothing, which would mean without end."""
        return max(0.01, self._deadline - time.monotonic())


class _Lines:
    """The server's lines. Each piece that comes has only the time that is left: bytes in drops gain none."""

    def __init__(self, sock: socket.socket, time_left: Callable[[], float]) -> None:
        self._sock, self._time_left = sock, time_left
        self._read = b""

    def readline(self, limit: int) -> bytes:
        while b"\n" not in self._read and len(self._read) < limit:
            self._sock.settimeout(self._time_left())
            piece = self._sock.recv(4096)
            if not piece:
                break
            self._read += piece
        end = min(self._read.find(b"\n") + 1 or len(self._read), limit)
        line, self._read = self._read[:end], self._read[end:]
        return line

    def close(self) -> None:
        """The socket is closed by whoever opened it."""


class _PunctualTls(_Punctual, smtplib.SMTP_SSL):
    """The same over TLS from the start."""


class _Envelope(Message):
    """Wraps our finished message, which Flask-Mail would otherwise build as multipart/mixed."""

    def __init__(self, message: EmailMessage) -> None:
        super().__init__(subject=message["Subject"], recipients=[message["To"]], sender=message["From"])
        self._finished = message

    def as_bytes(self) -> bytes:
        return self._finished.as_bytes(policy=SMTP)


def _in_words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _told(error.smtp_code, error.smtp_error)
    return _CONTROL.sub(" ", f"{type(error).__name__}: {error}")[:500]


def _told(code: int, words: bytes | str) -> str:
    """Return what the server said, fit to be kept: without links, addresses or control characters."""
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return _CONTROL.sub(" ", _ADDRESS.sub("<address>", _LINK.sub("<link>", f"{code} {text}")))[:500]
