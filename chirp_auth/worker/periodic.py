"""The periodic jobs: what the worker does between mails. Each commits for itself."""

import time
from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chirp_auth.admin import audit_trail, demo_accounts, retention
from chirp_auth.extensions import db
from chirp_auth.mail import job_locks

Job = Callable[[], None]

JOBS: Mapping[Job, timedelta] = {
    job_locks.heartbeat: job_locks.HEARTBEAT_EVERY,
    audit_trail.seal_some_events: timedelta(seconds=5),
    retention.purge_little_by_little: timedelta(seconds=15),
    demo_accounts.remove_from_production: timedelta(hours=1),
}

log = structlog.get_logger("worker")


class Schedule:
    """Which jobs of one worker are due, by its own clock."""

    def __init__(self) -> None:
        self._due = dict.fromkeys(JOBS, 0.0)

    def run_due(self) -> None:
        """Run what is due. A database that is away is met again at the next turn."""
        for job, due in self._due.items():
            if time.monotonic() >= due:
                self._due[job] = time.monotonic() + JOBS[job].total_seconds()
                try:
                    job()
                except SQLAlchemyError as error:
                    db.session.rollback()
                    log.error("periodic job failed", job=job.__name__, error=type(error).__name__)
