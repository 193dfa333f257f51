"""Jobs: composed mails on their way, and the reports of how they ended."""

from dataclasses import dataclass

from chirp_auth.mail.rendering import Email
from chirp_auth.models import OutboxEntry


@dataclass(eq=False, slots=True)
class Job:
    """A composed mail on its way. A decoy has the reason why it is thrown away unsent."""

    entry: OutboxEntry
    email: Email
    latest_start: float  # of the monotonic clock: the lease must outlast the delivery
    decoy_for: str | None = None
    begun_at: float = 0.0

    @property
    def address(self) -> str:
        return self.entry.recipient.lower()

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


@dataclass(eq=False, slots=True)
class Report:
    """How a job ended: no error means that the mail was sent, or the decoy thrown away."""

    job: Job
    error: Exception | None = None
    is_suspect: bool = False  # It broke off, and the server has not answered as it should since.


class TooLate(Exception):
    """The job could not be begun while its lease would have outlasted it."""


class Unsendable(Exception):
    """A bug of ours, in the message, which says nothing of the server."""
