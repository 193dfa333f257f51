"""Outcomes: how what became of the mails is written to the outbox, a statement for each outcome of a batch."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from chirp_auth import metrics
from chirp_auth.extensions import db
from chirp_auth.mail import outbox
from chirp_auth.mail.smtp import Refused, ServerAway
from chirp_auth.models import OutboxEntry
from chirp_auth.worker.dispatch import ServerSuspect
from chirp_auth.worker.jobs import Job, Report, TooLate

OUTCOMES: Mapping[Callable[..., None], str] = {
    outbox.mark_sent: "sent",
    outbox.close: "nobody",
    outbox.park: "refused",
    outbox.retry_later: "delayed",
    outbox.postpone: "delayed",
    outbox.release: "delayed",
}


def write(reports: Sequence[Report], away: ServerAway | None) -> None:
    """Mark in one transaction: a statement for each outcome, however many entries had it."""
    groups: dict[tuple[Callable[..., None], str | None], list[OutboxEntry]] = defaultdict(list)
    for report in reports:
        groups[_outcome(report, away)].append(report.job.entry)
    for (mark, words), entries in groups.items():
        metrics.mails.labels(OUTCOMES[mark]).inc(len(entries))
        mark(entries) if words is None else mark(entries, words)
    db.session.commit()


def give_back(left: Sequence[Job], away: ServerAway) -> None:
    """Let what was not tried wait until the server is back; what only broke off too often may be tried at once."""
    for job in left:
        if job.decoy_for:  # It needs no server.
            outbox.close([job.entry], job.decoy_for)
    entries = [job.entry for job in left if not job.decoy_for]
    if isinstance(away, ServerSuspect):
        outbox.release(entries)
    else:
        outbox.postpone(entries, str(away))


def _outcome(report: Report, away: ServerAway | None) -> tuple[Callable[..., None], str | None]:
    """Return how to mark an entry. A message's own delay grows with its tries; the server's absence says nothing."""
    error = report.error
    if error is None:
        return (outbox.close, report.job.decoy_for) if report.job.decoy_for else (outbox.mark_sent, None)
    if isinstance(error, TooLate):
        return outbox.release, None
    if isinstance(error, Refused):
        return outbox.park, f"{outbox.MAILBOX_REFUSED if error.is_mailbox else ''}{error}"
    if away and report.is_suspect:
        return outbox.postpone, str(error)
    return outbox.retry_later, str(error)
