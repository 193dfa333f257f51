"""The audit trail as a whole: sealed little by little by the worker, so that no request waits for it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from chirp_auth.extensions import db
from chirp_auth.mail import chores
from chirp_auth.security import audit, chain
from chirp_auth.security.client import Client

SEAL_EVERY = timedelta(seconds=5)


def note(kind: str, client: Client, outcome: str = "ok", **detail: Any) -> None:
    """Put an event on record by itself, where no change of an account goes with it."""
    audit.record(kind, client, outcome=outcome, **detail)
    db.session.commit()


@chores.every(SEAL_EVERY)
def seal_events() -> None:
    """Seal what is unsealed, a batch to a transaction."""
    while chain.seal_batch() == chain.BATCH:
        db.session.commit()
    db.session.commit()


def verify(told: Callable[[int], None] = lambda _events: None) -> chain.Report:
    """Return what became of the sealed events. Changes nothing; `told` learns how many more were checked."""
    report = chain.verify(told)
    db.session.commit()
    return report
