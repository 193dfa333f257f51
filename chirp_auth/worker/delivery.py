"""The worker: takes entries from the outbox, has them composed, hands them over, marks them.

It runs as a thread of the web process by default, or as any number of processes; the claim keeps them apart.
No transaction is open while it talks to the mail server.
"""

import threading
import time
from collections.abc import Callable

import structlog
from flask import Flask

from chirp_auth.clock import now
from chirp_auth.extensions import DATABASE_AWAY, db
from chirp_auth.mail import outbox, rendering
from chirp_auth.mail.rendering import NotSent
from chirp_auth.mail.sender import Sender, open_sender
from chirp_auth.mail.smtp import DELIVERY_SECONDS, BrokenOff, Refused, ServerAway, TryLater
from chirp_auth.models import OutboxEntry
from chirp_auth.worker import composers, periodic

BATCH = 50
POLL_SECONDS = 0.5
GATHER_SECONDS = 0.05  # Between batches: a burst of requests becomes one batch, and requests come first.
AWAY_PAUSE_SECONDS = 5.0
SUSPECT_PAUSE_SECONDS = 1.0  # Short: messages that nobody can deliver must not pass for a server that is away.
DIFFERENT_DOMAINS = 3  # So many in a row, and it is the server.
MARK_SECONDS = 2.0
# An entry is only begun while its lease outlasts the slowest delivery that we allow.
LATEST_START = outbox.LEASE.total_seconds() - DELIVERY_SECONDS - MARK_SECONDS

log = structlog.get_logger("worker")


def run(app: Flask, stop: threading.Event) -> None:
    """Deliver until `stop` is set; whatever goes wrong is logged and tried again."""
    between = periodic.Schedule()
    while not stop.is_set():
        with app.app_context():
            try:
                between.run_due()
                more_is_due = run_once() == BATCH
            except ServerSuspect as suspect:
                log.warning("mail server breaks off", error=str(suspect))
                more_is_due = not stop.wait(SUSPECT_PAUSE_SECONDS)
            except ServerAway as away:
                log.warning("mail server away", error=str(away))
                more_is_due = not stop.wait(AWAY_PAUSE_SECONDS)
            except DATABASE_AWAY as error:
                log.error("database away", error=type(error).__name__)
                more_is_due = not stop.wait(AWAY_PAUSE_SECONDS)
            except Exception:  # What was leased falls due again.
                log.exception("delivery stopped")
                more_is_due = not stop.wait(AWAY_PAUSE_SECONDS)
            finally:
                db.session.remove()
        if not more_is_due:
            outbox.wake.wait(POLL_SECONDS)
            outbox.wake.clear()
            stop.wait(GATHER_SECONDS)


def start_thread(app: Flask) -> Callable[[], None]:
    """Deliver in a thread of this process; return the function that stops it."""
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(app, stop), name="mail", daemon=True)
    thread.start()

    def finish() -> None:
        stop.set()
        outbox.wake.set()
        thread.join(timeout=DELIVERY_SECONDS)

    return finish


def run_once() -> int:
    """Deliver one batch and return how many entries it had.

    Raises:
        ServerAway: the mail server cannot be used; the entries wait for their next turn.
        ServerSuspect: it broke off over several messages in a row; those wait longer than the others.
    """
    entries = outbox.claim(BATCH)
    db.session.commit()
    latest_start = time.monotonic() + LATEST_START
    unaddressed = {"no account": composers.without_recipient(entries)}
    excluded = {entry.id for entry in unaddressed["no account"]}
    # What failed before lets the others go first.
    left = sorted((entry for entry in entries if entry.id not in excluded), key=lambda entry: entry.attempts)
    db.session.commit()
    away: ServerAway | None = None
    suspects = Suspects()
    with open_sender() as delivery:
        while left and time.monotonic() < latest_start and not away:
            try:
                outcome = _deliver(left[0], delivery)
                if isinstance(outcome, NotSent):
                    unaddressed.setdefault(outcome.reason, []).append(left[0])
                elif isinstance(outcome, BrokenOff):
                    away = suspects.add(left[0], outcome)
                    left[1:] = suspects.others_first(left[1:])
                else:
                    suspects.clear()
                left = left[1:]
            except ServerAway as error:
                away = error
        db.session.commit()  # No transaction is open while the server is told goodbye either.
    for reason, group in unaddressed.items():
        outbox.close(group, reason)
    _settle(left, suspects, away)
    db.session.commit()
    if away:
        raise away
    return len(entries)


class ServerSuspect(ServerAway):
    """The server takes connections, but broke off over one message after the other, to different domains."""


class Suspects:
    """The messages of a batch over which the server broke off since it last answered as it should.

    For one recipient that is the message's delay, however often. For several domains in a row it is the server's.
    """

    def __init__(self) -> None:
        self.in_a_row: list[tuple[OutboxEntry, str]] = []
        self.cleared: list[tuple[OutboxEntry, str]] = []

    def add(self, entry: OutboxEntry, error: BrokenOff) -> ServerSuspect | None:
        """Note what broke off; return the verdict once too many domains met the same."""
        self.in_a_row.append((entry, str(error)))
        domains = {_domain(suspect) for suspect, _ in self.in_a_row}
        return ServerSuspect(str(error)) if len(domains) >= DIFFERENT_DOMAINS else None

    def others_first(self, entries: list[OutboxEntry]) -> list[OutboxEntry]:
        """Return the entries in their order, but those to domains that just failed at the end."""
        failed = {_domain(suspect) for suspect, _ in self.in_a_row}
        return sorted(entries, key=lambda entry: _domain(entry) in failed)

    def clear(self) -> None:
        """Note that the server answered: what broke off before was not its fault."""
        self.cleared += self.in_a_row
        self.in_a_row = []


def _settle(left: list[OutboxEntry], suspects: Suspects, away: ServerAway | None) -> None:
    """Mark what did not leave: a message's own delay grows with its tries, the server's absence says nothing of it."""
    for entry, error in suspects.cleared:
        outbox.retry_later(entry, error)
    for entry, error in suspects.in_a_row:
        if away:
            outbox.postpone([entry], error)
        else:
            outbox.retry_later(entry, error)
    if away and not isinstance(away, ServerSuspect):
        outbox.postpone(left, str(away))
    else:
        outbox.release(left)


def _deliver(entry: OutboxEntry, sender: Sender) -> NotSent | BrokenOff | None:
    """Compose and send one entry and mark what became of it.

    Returns:
        Why there is nobody to write to, or why the server broke off over it: the caller marks both.
    """
    try:
        message = rendering.message_for(entry, composers.compose(entry))
        db.session.commit()
        sender.send(message)
        outbox.mark_sent(entry)
        log.info("mail sent", kind=entry.kind, entry=str(entry.id), waited_seconds=round(_age(entry), 3))
    except NotSent as nobody:
        return nobody
    except (ServerAway, *DATABASE_AWAY):
        raise
    except Refused as refusal:
        outbox.park(entry, str(refusal))
        log.error("mail refused", kind=entry.kind, entry=str(entry.id), error=str(refusal))
    except BrokenOff as end:
        log.warning("mail broken off", kind=entry.kind, entry=str(entry.id), error=str(end))
        return end
    except TryLater as delay:
        outbox.retry_later(entry, str(delay))
        log.warning("mail put off", kind=entry.kind, entry=str(entry.id), error=str(delay))
    except Exception as bug:
        db.session.rollback()
        outbox.retry_later(entry, type(bug).__name__)
        log.exception("mail not composed", kind=entry.kind, entry=str(entry.id))
    db.session.commit()
    return None


def _domain(entry: OutboxEntry) -> str:
    return entry.recipient.rpartition("@")[2].lower()


def _age(entry: OutboxEntry) -> float:
    return (now() - entry.created_at).total_seconds()
