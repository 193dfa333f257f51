"""The worker: takes entries from the outbox in batches, has them composed, handed over and marked.

Any number of workers may run; the claim keeps them apart. The database is used by this thread alone, and no
transaction is open while the sending threads talk to the mail server.
"""

import threading
import time
from collections import defaultdict
from types import TracebackType
from typing import Self

import structlog
from flask import Flask, current_app

from chirp_auth import metrics
from chirp_auth.accounts import reset_requests
from chirp_auth.extensions import DATABASE_AWAY, db, driver_reason, settings
from chirp_auth.mail import outbox
from chirp_auth.mail.rendering import NotSent
from chirp_auth.mail.smtp import DELIVERY_SECONDS, ServerAway
from chirp_auth.models import OutboxEntry
from chirp_auth.worker import composers, outcomes, wake
from chirp_auth.worker.dispatch import Dispatch
from chirp_auth.worker.jobs import Job, Report
from chirp_auth.worker.sending import Senders

BATCH = 100
POLL_SECONDS = 0.25
IDLE_SECONDS = 2.0  # Between rounds in which nothing falls due; the periodic jobs wait for no longer.
GATHER_SECONDS = 0.05  # After a wait: a burst of requests becomes one batch, and requests come first.
SETTLE_SECONDS = 0.5  # Sent mails are marked at least so often: a killed worker repeats no more than these.
MARK_SECONDS = 2.0
# An entry is only begun while its lease outlasts the slowest delivery that we allow.
LATEST_START = outbox.LEASE.total_seconds() - DELIVERY_SECONDS - MARK_SECONDS

log = structlog.get_logger("worker")


def run_once() -> int:
    """Deliver one batch and return how many entries it had.

    Raises:
        ServerAway: the mail server cannot be used; the entries wait for their next turn.
        ServerSuspect: it broke off over several messages in a row; those wait longer than the others.
    """
    with Delivery(current_app._get_current_object()) as delivery:  # type: ignore[attr-defined]  # the proxy's own way
        entries = delivery.claim()
        while delivery.is_pending:
            delivery.settle()
    return entries


class Delivery:
    """Delivery by one worker: the entries that it holds, and the threads that send them."""

    def __init__(self, app: Flask) -> None:
        with app.app_context():
            self._dispatch = Dispatch(1 if settings.has_dev_mailbox else settings.smtp_connections)
        self._app = app
        self._senders = Senders(app, self._dispatch)
        self._reports: list[Report] = []  # not marked yet
        self._settle_at = self._claim_at = self._resume_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End after the mails at hand, and give back what was not begun."""
        left = self._dispatch.close()
        self._senders.join(DELIVERY_SECONDS)
        with self._app.app_context():
            try:
                self._mark(self._dispatch.collect()[0])
                outbox.release([job.entry for job in left])
                db.session.commit()
            except DATABASE_AWAY as away:  # What was leased falls due again.
                log.error("database away", error=type(away).__name__, reason=driver_reason(away))
            finally:
                db.session.remove()

    @property
    def is_pending(self) -> bool:
        """Whether entries wait here, are in flight or are not marked."""
        return self._dispatch.is_pending or bool(self._reports)

    @property
    def has_mail(self) -> bool:
        """Whether there is mail to deliver now: under way, or due while claims are not paused."""
        return self.is_pending or (time.monotonic() >= self._resume_at and wake.is_work_due())

    def turn(self) -> None:
        """Mark what has ended, if it is time, and claim more where there is room.

        Raises:
            ServerAway: as for `run_once`.
        """
        if not self._dispatch.is_pending or time.monotonic() >= self._settle_at:
            self._settle()
        is_time = time.monotonic() >= self._claim_at
        if is_time and self._dispatch.has_room and time.monotonic() >= self._resume_at:
            self._claim_at = time.monotonic() + (0 if self.claim() == BATCH else POLL_SECONDS)

    def claim(self) -> int:
        """Claim a batch, have it composed and queue it; return how many entries it had."""
        entries = outbox.claim(BATCH)
        reset_requests.record(entries)
        db.session.commit()
        if not entries:
            return 0
        latest_start = time.monotonic() + LATEST_START
        results = composers.compose_all(entries)
        jobs: list[Job] = []
        nobody: dict[str, list[OutboxEntry]] = defaultdict(list)
        for entry in entries:
            result = results[entry.id]
            if isinstance(result, NotSent):
                if entry.kind in composers.DECOYS:
                    jobs.append(Job(entry, composers.DECOYS[entry.kind](entry), latest_start, result.reason))
                else:
                    nobody[result.reason].append(entry)
            elif isinstance(result, Exception):
                log.error("mail not composed", kind=entry.kind, entry=str(entry.id), exc_info=result)
                outbox.retry_later([entry], type(result).__name__)
            else:
                jobs.append(Job(entry, result, latest_start))
        for reason, group in nobody.items():
            outbox.close(group, reason)
            metrics.mails.labels("nobody").inc(len(group))
        db.session.commit()
        self._dispatch.add(jobs)
        self._senders.staff(len(jobs))
        return len(entries)

    def settle(self) -> None:
        """Wait for reports and mark them.

        Raises:
            ServerAway: as for `run_once`.
        """
        self._dispatch.wait(SETTLE_SECONDS)
        self._settle()

    def pause(self, seconds: float) -> None:
        """Claim nothing for a while; what is in flight ends meanwhile, and is marked."""
        self._resume_at = time.monotonic() + seconds

    def wait(self, stop: threading.Event) -> None:
        """Wait until there is something to do."""
        if self._dispatch.is_pending:
            self._dispatch.wait(POLL_SECONDS)
        elif time.monotonic() < self._resume_at:
            stop.wait(min(POLL_SECONDS, self._resume_at - time.monotonic()))
        elif time.monotonic() < self._claim_at:
            with self._app.app_context():
                wake.wait_for_work(stop, IDLE_SECONDS)
            self._claim_at = 0.0
            stop.wait(GATHER_SECONDS)

    def _settle(self) -> None:
        reports, left, away = self._dispatch.collect()
        self._settle_at = time.monotonic() + SETTLE_SECONDS
        self._mark(reports, away)
        if away:
            outcomes.give_back(left, away)
        db.session.commit()
        if away:
            raise away

    def _mark(self, reports: list[Report], away: ServerAway | None = None) -> None:
        """Mark what became of the entries; what a lost database connection leaves unmarked is marked the next time."""
        self._reports += reports
        if not self._reports:
            return
        try:
            outcomes.write(self._reports, away)
        except DATABASE_AWAY:  # A connection that was lost meanwhile is replaced by a new one.
            db.session.rollback()
            outcomes.write(self._reports, away)
        self._reports = []
