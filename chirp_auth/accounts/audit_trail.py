"""The audit trail as a whole: sealed little by little by the worker, so that no request waits for it."""

from datetime import timedelta

from chirp_auth.extensions import db
from chirp_auth.mail import chores
from chirp_auth.security import chain

SEAL_EVERY = timedelta(seconds=5)


@chores.every(SEAL_EVERY)
def seal_events() -> None:
    """Seal what is unsealed, a batch to a transaction."""
    while chain.seal_batch() == chain.BATCH:
        db.session.commit()
    db.session.commit()


def verify() -> chain.Report:
    """Return what became of the sealed events. Changes nothing."""
    report = chain.verify()
    db.session.commit()
    return report
