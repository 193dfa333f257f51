"""Chores: what the worker does between mails. A rule registers its own, so that the worker needs to know none."""

import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chirp_auth.extensions import db

log = structlog.get_logger("worker")

Chore = Callable[[], None]
_chores: dict[Chore, float] = {}


def every(pause: timedelta) -> Callable[[Chore], Chore]:
    """Register a function that the worker is to call about this often; it commits for itself."""

    def register(chore: Chore) -> Chore:
        _chores[chore] = pause.total_seconds()
        return chore

    return register


class Schedule:
    """One worker's chores: which are due, by its own clock."""

    def __init__(self) -> None:
        self._due = dict.fromkeys(_chores, 0.0)

    def do_due(self) -> None:
        """Do what is due; a database that is away is met again at the next turn."""
        for chore, due in self._due.items():
            if time.monotonic() >= due:
                self._due[chore] = time.monotonic() + _chores[chore]
                try:
                    chore()
                except SQLAlchemyError as error:
                    db.session.rollback()
                    log.error("chore failed", chore=chore.__name__, error=type(error).__name__)
