"""Handing messages to the SMTP server: with time-outs, checked certificates, and errors sorted by what helps."""

import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from types import TracebackType
from typing import Protocol, Self

from flask_mail import Connection, Message

from chirp_auth.extensions import mail, settings

TIMEOUT_SECONDS = 10.0


class ServerAway(Exception):
    """The server cannot be used just now, for whichever message: trying again later helps."""


class TryLater(Exception):
    """The server put this message off (4xx)."""


class Refused(Exception):
    """The server will never take this message (5xx)."""


class Sender(Protocol):
    """Delivers messages one by one; `with` ends whatever it keeps open."""

    def send(self, message: EmailMessage) -> None:
        """Deliver, or raise ServerAway, TryLater or Refused."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class SmtpSender:
    """Delivers over one SMTP connection, made at the first message and kept until the end."""

    def __init__(self) -> None:
        self._connection: _CheckedConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def send(self, message: EmailMessage) -> None:
        try:
            if self._connection is None:
                self._connection = _CheckedConnection(mail)
                self._connection.__enter__()
            self._connection.send(_Envelope(message))
        except smtplib.SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()))
            raise _sorted_by_code(code, words, message) from None
        except smtplib.SMTPDataError as error:
            raise _sorted_by_code(error.smtp_code, error.smtp_error, message) from None
        except (OSError, smtplib.SMTPException) as error:
            self.__exit__(None, None, None)
            raise ServerAway(_in_words(error)) from None


class _CheckedConnection(Connection):
    """Flask-Mail's connection with what it lacks: a time-out, certificate checks, and a quit that cannot fail."""

    def configure_host(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        host: smtplib.SMTP
        if settings.smtp_security == "tls":
            host = smtplib.SMTP_SSL(self.mail.server, self.mail.port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            host = smtplib.SMTP(self.mail.server, self.mail.port, timeout=TIMEOUT_SECONDS)
        try:
            if settings.smtp_security == "starttls":
                host.starttls(context=context)
            if self.mail.username and self.mail.password:
                host.login(self.mail.username, self.mail.password)
        except BaseException:
            host.close()
            raise
        return host

    def close(self) -> None:
        """Say goodbye; a server that hung up already has all the same accepted what it accepted."""
        if self.host is not None:
            with suppress(OSError, smtplib.SMTPException):
                self.host.quit()


class _Envelope(Message):
    """Wraps our finished message, which Flask-Mail would otherwise build as multipart/mixed."""

    def __init__(self, message: EmailMessage) -> None:
        super().__init__(subject=message["Subject"], recipients=[message["To"]], sender=message["From"])
        self._finished = message

    def as_bytes(self) -> bytes:
        return self._finished.as_bytes(policy=SMTP)


def _sorted_by_code(code: int, words: bytes | str, message: EmailMessage) -> Exception:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    told = f"{code} {text}".replace(message["To"], "<recipient>")[:500]
    if code == 421:
        return ServerAway(told)
    return Refused(told) if code >= 500 else TryLater(told)


def _in_words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        told = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return f"{error.smtp_code} {told}"[:500]
    return f"{type(error).__name__}: {error}"[:500]
