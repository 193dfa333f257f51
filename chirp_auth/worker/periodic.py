"""The periodic jobs: what the worker does beside its mails. Each commits for itself, and is a small piece of work.

The sign of life comes before anything else. The others give way to mail, but not without end.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chirp_auth.accounts.factors import factor_recovery_end
from chirp_auth.admin import audit_trail, demo_accounts, retention
from chirp_auth.extensions import db, driver_reason
from chirp_auth.mail import job_locks

Job = Callable[[], None]

JOBS: Mapping[Job, timedelta] = {
    job_locks.heartbeat: job_locks.HEARTBEAT_EVERY,
    audit_trail.seal_some_events: timedelta(seconds=5),
    factor_recovery_end.finish_and_remind: timedelta(minutes=1),
    retention.purge_little_by_little: timedelta(seconds=15),
    demo_accounts.remove_from_production: timedelta(hours=1),
}
AT_ONCE = (job_locks.heartbeat,)
PATIENCE_SECONDS = 30.0  # So long a job waits for a pause between mails; then one runs between two batches.

log = structlog.get_logger("worker")


class Schedule:
    """Which jobs of one worker are due, by its own clock."""

    def __init__(self) -> None:
        self._due = dict.fromkeys(JOBS, time.monotonic())

    def run_due(self) -> None:
        """Run all that is due. A database that is away is met again at the next turn."""
        for job in self._those_due():
            self._run(job)

    def run_beside_mail(self, has_mail: Callable[[], bool]) -> None:
        """Run the sign of life if it is due, then at most one other job.

        While `has_mail` says so, only a job that has waited for PATIENCE_SECONDS runs: mail comes first.
        """
        for job in self._those_due():
            if job in AT_ONCE:
                self._run(job)
            elif not has_mail() or time.monotonic() >= self._due[job] + PATIENCE_SECONDS:
                self._run(job)
                return

    def _those_due(self) -> Iterable[Job]:
        """Return the jobs that are due, the sign of life first, then what has waited for longest."""
        due = [job for job, moment in self._due.items() if time.monotonic() >= moment]
        return sorted(due, key=lambda job: (job not in AT_ONCE, self._due[job]))

    def _run(self, job: Job) -> None:
        self._due[job] = time.monotonic() + JOBS[job].total_seconds()
        try:
            job()
        except SQLAlchemyError as error:
            db.session.rollback()
            log.error("periodic job failed", job=job.__name__, reason=driver_reason(error))
