"""Erasure: an account goes, with everything that tells whose it was. What happened stays on record, without a name.

The rows that belong to the account go with it, by their foreign keys. Mails and events that name only an address are
found by it: by the account's own, and by those that it had before, unless somebody else has one of them by now.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Delete, delete, func, or_, select

from chirp_auth import audit
from chirp_auth.audit import erasure
from chirp_auth.extensions import db
from chirp_auth.models import AddressChange, OutboxEntry, SecurityEvent, User
from chirp_auth.security.client import Client


def erase(
    user: User, client: Client, *conditions: ColumnElement[bool], reason: str | None = None
) -> Collection[str] | None:
    """Add the deletion of the account and its event to the transaction.

    Args:
        conditions: what must still hold for the account when it is deleted.
        reason: for the audit trail.

    Returns:
        The addresses that were erased, in their lookup form; None if there was no such account any more.
    """
    keys = _addresses(user)
    if not _run(delete(User).where(User.id == user.id, *conditions)):
        return None
    _run(delete(OutboxEntry).where(func.lower(OutboxEntry.recipient).in_(keys)))
    unconfirmed = AddressChange.confirmed_at.is_(None)  # What others asked for: they may ask again.
    _run(delete(AddressChange).where(AddressChange.new_email_key.in_(keys), unconfirmed))
    digests = sorted({digest for key in keys for digest in audit.digests(key)})
    attempts = SecurityEvent.user_id.is_(None) & SecurityEvent.email_digest.in_(digests)
    events = erasure.erase(or_(SecurityEvent.user_id == user.id, attempts))
    detail: dict[str, Any] = {erasure.ADDRESS_DIGESTS: digests, "events": events}
    if reason:
        detail["reason"] = reason
    audit.record(erasure.DELETED, client, user_id=user.id, email_key=user.email_key, **detail)
    return keys


def _addresses(user: User) -> set[str]:
    changes = select(AddressChange.old_email_key, AddressChange.new_email_key).where(
        AddressChange.user_id == user.id, AddressChange.confirmed_at.is_not(None)
    )
    known = {user.email_key}.union(*map(tuple, db.session.execute(changes)))
    others = select(User.email_key).where(User.email_key.in_(known), User.id != user.id)
    return known - set(db.session.scalars(others))


def _run(statement: Delete) -> int:
    result: Any = db.session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)
