"""What delivers mail here: an SMTP server, or the development mailbox."""

from email.message import EmailMessage
from types import TracebackType
from typing import Protocol, Self

from chirp_auth.extensions import settings
from chirp_auth.mail.mailbox import DevMailbox
from chirp_auth.mail.smtp import SmtpSender


class Sender(Protocol):
    """Delivers messages one by one; `with` ends whatever it keeps open."""

    def send(self, message: EmailMessage) -> None:
        """Deliver, or raise ServerAway, TryLater (BrokenOff) or Refused."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_sender() -> Sender:
    """Return what delivers mail here; it connects at the first message."""
    return DevMailbox() if settings.has_dev_mailbox else SmtpSender()
