"""What delivers mail here: an SMTP server, or the development mailbox."""

from types import TracebackType
from typing import Protocol, Self

from chirp_auth.extensions import settings
from chirp_auth.mail.mailbox import DevMailbox
from chirp_auth.mail.message import Message
from chirp_auth.mail.smtp import SmtpSender


class Sender(Protocol):
    """Delivers messages one by one; `with` ends whatever it keeps open."""

    def send(self, message: Message) -> None:
        """Deliver, or raise ServerAway, TryLater (BrokenOff) or Refused."""

    def hang_up(self) -> None:
        """End what is kept open; the next message opens it anew."""

    @property
    def is_connected(self) -> bool:
        """Whether something is kept open."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_sender() -> Sender:
    """Return what delivers mail here; it connects at the first message."""
    return DevMailbox() if settings.has_dev_mailbox else SmtpSender()
