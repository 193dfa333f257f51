"""The secrets that rest encrypted: whether each can be read, and sealing all anew under the present key."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute

from chirp_auth import audit
from chirp_auth.accounts.factors import second_factor
from chirp_auth.extensions import db
from chirp_auth.models import AuthenticatorApp, RecoveryCode
from chirp_auth.security import sealing
from chirp_auth.security.client import Client

BATCH = 500


@dataclass(frozen=True, slots=True)
class Column:
    """A column of sealed secrets, its table's key, and the context of the row with a key."""

    model: Any
    key: InstrumentedAttribute[UUID]
    sealed: InstrumentedAttribute[str]
    context: Callable[[UUID], str]


COLUMNS = (
    Column(AuthenticatorApp, AuthenticatorApp.user_id, AuthenticatorApp.secret, second_factor.context_of_app),
    Column(RecoveryCode, RecoveryCode.id, RecoveryCode.digest, second_factor.context_of_code),
)


@dataclass(frozen=True, slots=True)
class Counts:
    """Sealed secrets: under the present key, under a former one, and under none that is configured."""

    current: int
    former: int
    lost: int


def count() -> Counts:
    """Return how many there are of each."""
    return _walk(lambda *_former: None)


def reseal(client: Client, on_progress: Callable[[int], None] = lambda _rows: None) -> Counts:
    """Seal under the present key what a former one sealed; return how many there were of each before.

    Each batch is committed, and a secret that was replaced meanwhile is left alone: a run that was stopped can simply
    be repeated.
    """
    counts = _walk(_reseal, on_progress)
    audit.record("keys.rotated", client, name="ENCRYPTION_KEY", resealed=counts.former, lost=counts.lost)
    db.session.commit()
    return counts


def _walk(
    on_former: Callable[[Column, UUID, str], None], on_progress: Callable[[int], None] = lambda _rows: None
) -> Counts:
    current = former = lost = 0
    for column in COLUMNS:
        for rows in _batches(column):
            for key, sealed in rows:
                if sealing.is_current(sealed, column.context(key)):
                    current += 1
                elif sealing.unseal(sealed, column.context(key)) is None:
                    lost += 1
                else:
                    former += 1
                    on_former(column, key, sealed)
            db.session.commit()
            on_progress(len(rows))
    return Counts(current, former, lost)


def _batches(column: Column) -> Iterator[Sequence[Any]]:
    query = select(column.key, column.sealed).order_by(column.key).limit(BATCH)
    rows: Sequence[Any] = db.session.execute(query).all()
    while rows:
        yield rows
        rows = db.session.execute(query.where(column.key > rows[-1][0])).all()


def _reseal(column: Column, key: UUID, sealed: str) -> None:
    secret = sealing.unseal(sealed, column.context(key)) or ""
    changing = update(column.model).where(column.key == key, column.sealed == sealed)
    db.session.execute(changing.values({column.sealed.key: sealing.seal(secret, column.context(key))}))
