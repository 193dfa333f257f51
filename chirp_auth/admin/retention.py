"""Retention: rows that are over and old are deleted in batches, each in a transaction of its own.

The audit trail loses whole seals from its beginning: what remains still verifies.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, delete, func, or_, select

from chirp_auth import audit
from chirp_auth.accounts import deletion, erasure, former_passwords, known_devices, registration
from chirp_auth.accounts.factors import authenticator_app
from chirp_auth.admin import audit_trail
from chirp_auth.clock import now
from chirp_auth.extensions import db, settings
from chirp_auth.mail import job_locks, mailbox
from chirp_auth.models import (
    AddressChange,
    AuthenticatorApp,
    FactorRecovery,
    KnownDevice,
    OutboxEntry,
    PasswordResetToken,
    SecurityEvent,
    Session,
    SpentChallenge,
    User,
)
from chirp_auth.security.client import Client

BATCH = 500
ACCOUNTS_BATCH = 20  # Each takes a statement for mails, events and changes of address.
BATCHES_AT_ONCE = 10
EVERY = timedelta(hours=1)
KEEP_LINKS_FOR = timedelta(days=30)  # After their end: an old link can still say that it is old.
KEEP_SESSIONS_FOR = timedelta(days=30)
KEEP_CHALLENGES_FOR = timedelta(days=1)  # Whatever is asked for: longer by far than any of them can be answered.
KEEP_RECOVERIES_FOR = timedelta(days=30)  # After their end: the link of an old mail can still say what became of it.
KEEP_ADDRESS_CHANGES_FOR = timedelta(days=30)  # Whatever is asked for: an owner may undo one for seven days.

log = structlog.get_logger("clean_up")

_unfinished = Event()  # This process's worker goes on at its next turn.


@dataclass(frozen=True, slots=True)
class Expired:
    """The rows of one table that are over and old enough."""

    model: Any
    is_old: ColumnElement[bool]

    @property
    def table(self) -> str:
        return str(self.model.__tablename__)


def count(older_than: timedelta | None = None) -> dict[str, int]:
    """Return how many rows of each table a purge would delete."""
    return {
        old.table: audit_trail.count_old(old.is_old) if old.model is SecurityEvent else _count(old.model, old.is_old)
        for old in _expired(older_than)
    }


def purge(
    client: Client,
    older_than: timedelta | None = None,
    on_progress: Callable[[int], None] = lambda _rows: None,
    *,
    expected: int | None = None,
) -> dict[str, int]:
    """Delete all rows that are older than the policy; return how many of each table.

    Each batch is committed: a purge that was stopped can be repeated.

    Args:
        older_than: replaces the policy.
        on_progress: gets the number of rows of each batch.
        expected: the sum of what `count` returned; counted here without it.
    """
    audit_trail.seal_events()
    if expected is None:
        expected = sum(count(older_than).values())
    if expected:  # On record before the first row goes, however this ends.
        age = None if older_than is None else int(older_than.total_seconds())
        audit_trail.note("records.purge_begun", client, older_than_seconds=age)
    deleted = Counter({old.table: 0 for old in _expired(older_than)})
    for old in _expired(older_than):
        while rows := _delete_batch(old):
            deleted[old.table] += rows
            on_progress(rows)
    former_passwords.forget_old()
    _record(client, deleted)
    return dict(deleted)


def purge_little_by_little() -> None:
    """Once an hour, in one worker: delete some batches and continue at the next turn; mail goes out in between."""
    if not (_unfinished.is_set() or job_locks.acquire(job_locks.CLEAN_UP, EVERY)):
        return
    former_passwords.forget_old()
    _unfinished.set()
    deleted: Counter[str] = Counter()
    for _ in range(BATCHES_AT_ONCE):
        rows = _delete_first_batch()
        if not rows:
            _unfinished.clear()
            break
        deleted.update(rows)
    if deleted:
        log.info("cleaned up", rows=deleted.total())
        _record(Client(face="worker", actor="worker"), deleted)


def _delete_first_batch() -> dict[str, int]:
    for old in _expired(None):
        if rows := _delete_batch(old):
            return {old.table: rows}
    return {}


def _expired(older_than: timedelta | None) -> list[Expired]:
    def before(policy: timedelta) -> datetime:
        return now() - (policy if older_than is None else older_than)

    mail, session_end = before(settings.keep_mail_for), before(KEEP_SESSIONS_FOR)
    recovery_end = before(KEEP_RECOVERIES_FOR)
    given_up = and_(OutboxEntry.due_at.is_(None), OutboxEntry.sent_at.is_(None), OutboxEntry.created_at < mail)
    return [
        Expired(PasswordResetToken, PasswordResetToken.expires_at < before(KEEP_LINKS_FOR)),
        Expired(Session, or_(Session.expires_at < session_end, Session.revoked_at < session_end)),
        Expired(OutboxEntry, or_(OutboxEntry.sent_at < mail, given_up)),
        Expired(KnownDevice, KnownDevice.last_used_at < before(known_devices.LIFE)),
        Expired(User, or_(_is_unconfirmed_too_long(), deletion.is_due())),
        Expired(FactorRecovery, or_(FactorRecovery.cancelled_at < recovery_end, FactorRecovery.done_at < recovery_end)),
        Expired(AddressChange, AddressChange.created_at < now() - KEEP_ADDRESS_CHANGES_FOR),
        Expired(SpentChallenge, SpentChallenge.spent_at < now() - KEEP_CHALLENGES_FOR),
        Expired(AuthenticatorApp, authenticator_app.is_forgotten()),
        Expired(SecurityEvent, SecurityEvent.at < before(settings.keep_events_for)),
    ]


def _count(model: Any, *which: ColumnElement[bool]) -> int:
    return db.session.scalar(select(func.count()).select_from(model).where(*which)) or 0


def _delete_batch(old: Expired) -> int:
    if old.model is SecurityEvent:
        return audit_trail.delete_oldest_seal(old.is_old)
    if old.model is User:
        return _erase_accounts(old.is_old)
    key = old.model.__mapper__.primary_key[0]
    keys = list(db.session.scalars(select(key).where(old.is_old).limit(BATCH)))
    if keys:
        # Checked again: an operator may have retried a mail meanwhile.
        deleting = delete(old.model).where(key.in_(keys), old.is_old)
        db.session.execute(deleting, execution_options={"synchronize_session": False})
    db.session.commit()
    return len(keys)


def _erase_accounts(is_old: ColumnElement[bool]) -> int:
    """Erase accounts that nobody confirmed in time, or whose owners asked for it; each deletion is on record."""
    users = db.session.scalars(select(User).where(is_old).order_by(User.id).limit(ACCOUNTS_BATCH)).all()
    client = Client(face="worker", actor="worker")
    erased: set[str] = set()
    for user in users:
        # Checked again by both: somebody may have confirmed, or undone it, meanwhile.
        if user.deletion_requested_at:
            erased.update(deletion.erase_if_due(user, client) or ())
        else:
            erasure.erase(user, client, _is_unconfirmed_too_long(), reason="never confirmed")
    db.session.commit()
    if settings.has_dev_mailbox:
        mailbox.forget(erased)
    return len(users)


def _is_unconfirmed_too_long() -> ColumnElement[bool]:
    return and_(*registration.never_confirmed(), User.confirm_before < now())


def _record(client: Client, deleted: Counter[str]) -> None:
    audit.record("records.purged", client, rows=dict(deleted))
    db.session.commit()
