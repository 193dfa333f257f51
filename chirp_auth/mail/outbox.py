"""The outbox: mails promised in the transaction that caused them, delivered after it.

Delivery is at least once. A worker leases an entry, and an entry whose worker died falls due again when its
lease ends. A worker that dies between the server's "250 accepted" and the mark sends the mail twice, with the
same Message-ID and the same link.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import parseaddr
from itertools import groupby
from random import uniform
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID

from flask import current_app
from sqlalchemy import ColumnElement, bindparam, case, exists, insert, select, update

from chirp_auth.clock import now
from chirp_auth.extensions import db, settings
from chirp_auth.identifiers import time_ordered_uuid
from chirp_auth.mail.group_commit import GroupCommit, Row
from chirp_auth.models import OutboxEntry
from chirp_auth.rows import locked_in_order

# On the table, not the class, whose unit of work costs as much as the commit.
_INSERT = insert(OutboxEntry.metadata.tables["outbox"])
LEASE = timedelta(seconds=30)
MAX_AGE = timedelta(days=1)  # Undelivered for longer, an entry waits for an operator.
FIRST_RETRIES = 10
LONGEST_FIRST_DELAY = timedelta(seconds=18)  # With its jitter below the 20 s that we promise.
LONGEST_DELAY = timedelta(minutes=15)

MAILBOX_REFUSED = "mailbox refused: "  # So begins the error of a parked mail whose server is well.
# A mail to somebody whose account is gone: only its recipient was left to keep, and goes when the mail has gone.
FORGETS_RECIPIENT = "account_deleted"
recipient_when_over = case((OutboxEntry.kind == FORGETS_RECIPIENT, ""), else_=OutboxEntry.recipient)

_UNSYNCHRONIZED = {"synchronize_session": False}  # An entry in memory stays as it was claimed.
_TABLE = OutboxEntry.metadata.tables["outbox"]
_PUT_OFF = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("entry"), _TABLE.c.due_at == bindparam("lease"))
    .values(due_at=bindparam("due"), last_error=bindparam("error"))
)

_LOOK = select(exists().where(OutboxEntry.due_at <= bindparam("now", type_=OutboxEntry.due_at.type)))


def put(
    kind: str, recipient: str, user_id: UUID | None = None, *, delay: timedelta = timedelta(), **params: Any
) -> None:
    """Add a mail to the transaction, to leave after `delay`; its age counts from then.

    `params` must be JSON and hold no secret: they rest in the table.
    """
    db.session.connection().execute(_INSERT, _row(kind, recipient, user_id, now() + delay, params))


def put_unrecorded(kind: str, recipient: str, **params: Any) -> None:
    """Add a mail in a transaction that it shares with others of the same moment; return when that is committed.

    The caller sees to it later that its cause gets into the audit trail.
    """
    group: GroupCommit = current_app.extensions["outbox_group_commit"]
    group.add({**_row(kind, recipient, None, now(), params), "is_recorded": False})


def group_commit() -> GroupCommit:
    """Return what an application needs for `put_unrecorded`."""
    return GroupCommit(_write)


def _write(rows: Sequence[Row]) -> None:
    with db.engine.begin() as connection:
        connection.execute(_INSERT, rows)


def _row(kind: str, recipient: str, user_id: UUID | None, leaves_at: datetime, params: dict[str, Any]) -> Row:
    entry_id = time_ordered_uuid(leaves_at)
    return {
        "id": entry_id,
        "kind": kind,
        "recipient": recipient,
        "user_id": user_id,
        "params": params,
        "message_id": message_id(entry_id),
        "created_at": leaves_at,
        "due_at": leaves_at,
        "is_recorded": True,
    }


def is_due() -> bool:
    """Say whether an entry is due, without a transaction."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return bool(connection.scalar(_LOOK, {"now": now()}))


def claim(limit: int) -> Sequence[OutboxEntry]:
    """Lease up to `limit` due entries to the caller, oldest first; no two callers get the same one.

    One statement on both databases: SQLAlchemy leaves the lock hint out on SQLite, whose writers are alone anyway.
    """
    due = (
        select(OutboxEntry.id)
        .where(OutboxEntry.due_at <= now())
        .order_by(OutboxEntry.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    claimed = (
        update(OutboxEntry)
        .where(OutboxEntry.id.in_(select(due.c.id)))
        .values(due_at=now() + LEASE, attempts=OutboxEntry.attempts + 1)
        .returning(OutboxEntry)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    entries = sorted(db.session.scalars(claimed), key=lambda entry: entry.created_at)
    for entry in entries:
        db.session.expunge(entry)  # What proves the lease must not be read anew after a rollback.
    return entries


def hold(entries: Sequence[OutboxEntry]) -> set[UUID]:
    """Return which entries of one claim are still the caller's, and keep them so until the transaction ends.

    Whoever makes a secret for an entry asks first: nobody can cancel it between the answer and the commit.
    """
    holding = (
        update(OutboxEntry).where(locked_in_order(OutboxEntry, *_leased(entries))).values(attempts=OutboxEntry.attempts)
    )
    return set(db.session.scalars(holding.returning(OutboxEntry.id), execution_options=_UNSYNCHRONIZED))


def mark_sent(entries: Sequence[OutboxEntry]) -> None:
    """Mark mails as sent."""
    _mark(entries, due_at=None, sent_at=now(), last_error=None, recipient=recipient_when_over)


def close(entries: Sequence[OutboxEntry], reason: str) -> None:
    """Mark entries for which there was, rightly, nobody to write to."""
    _mark(entries, due_at=None, sent_at=now(), last_error=reason, recipient=recipient_when_over)


def release(entries: Sequence[OutboxEntry]) -> None:
    """Give leased entries back untried."""
    _mark(entries, due_at=now(), attempts=OutboxEntry.attempts - 1)


def retry_later(entries: Sequence[OutboxEntry], error: str) -> None:
    """Try again later, after a growing pause; after a day and the first retries leave it to an operator."""
    _mark_each([(entry, None if _is_too_old(entry) else now() + _pause(entry.attempts)) for entry in entries], error)


def park(entries: Sequence[OutboxEntry], error: str) -> None:
    """Leave entries to an operator: trying again by ourselves would not help."""
    _mark(entries, due_at=None, last_error=error)


def postpone(entries: Sequence[OutboxEntry], error: str) -> None:
    """Try again soon: the mail server is away, which says nothing about the entries."""
    pauses = [LONGEST_FIRST_DELAY * uniform(0.5, 1.0) for _ in entries]  # noqa: S311 - no secret
    due = zip(entries, pauses, strict=True)
    _mark_each([(entry, None if _is_too_old(entry) else now() + pause) for entry, pause in due], error)


def message_id(entry_id: UUID) -> str:
    """Return the entry's Message-ID, at the public host or the sender's."""
    domain = urlsplit(settings.public_url).hostname or parseaddr(settings.mail_from)[1].rpartition("@")[2]
    return f"<{entry_id}@{domain}>"


def _pause(attempts: int) -> timedelta:
    if attempts <= FIRST_RETRIES:
        pause = min(timedelta(seconds=5 << (attempts - 1)), LONGEST_FIRST_DELAY)
    else:
        pause = min(timedelta(seconds=20 << min(attempts - FIRST_RETRIES, 10)), LONGEST_DELAY)
    return pause * uniform(0.9, 1.1)  # noqa: S311 - jitter against crowds, no secret


def _is_too_old(entry: OutboxEntry) -> bool:
    # The tries count too: what an operator put back, or nobody tried for a day, gets its first retries all the same.
    return now() - entry.created_at > MAX_AGE and entry.attempts >= FIRST_RETRIES


def _leased(entries: Sequence[OutboxEntry]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the condition for entries of one claim, unless the lease ran out and somebody else holds them by now."""
    return OutboxEntry.id.in_([entry.id for entry in entries]), OutboxEntry.due_at == entries[0].due_at


def _mark(entries: Sequence[OutboxEntry], **values: Any) -> None:
    """Write the outcome, in one statement for all that were claimed together."""
    claims = groupby(sorted(entries, key=_lease), key=_lease)
    for claimed in [list(group) for _, group in claims]:
        marking = update(OutboxEntry).where(locked_in_order(OutboxEntry, *_leased(claimed))).values(**values)
        db.session.execute(marking, execution_options=_UNSYNCHRONIZED)


def _mark_each(due: Sequence[tuple[OutboxEntry, datetime | None]], error: str) -> None:
    """Write a moment of its own for each entry, in one round trip where the database has such."""
    if due:
        in_order = sorted(due, key=lambda each: each[0].id)
        rows = [{"entry": entry.id, "lease": entry.due_at, "due": moment} for entry, moment in in_order]
        db.session.connection().execute(_PUT_OFF, [{**row, "error": error} for row in rows])


def _lease(entry: OutboxEntry) -> datetime:
    return cast("datetime", entry.due_at)  # A claimed entry has one.
