"""Erasure: delete an account and everything that names its owner. The audit events stay, without a name.

Foreign keys delete the rows that belong to the account. Outbox entries and audit events that name only an address are
found by the account's present and former addresses, except those that another account has now.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select

from chirp_auth import audit
from chirp_auth.accounts import reset_requests
from chirp_auth.audit import erasure
from chirp_auth.extensions import db
from chirp_auth.models import AddressChange, OutboxEntry, SecurityEvent, User
from chirp_auth.security.client import Client


def erase(user: User, client: Client, *conditions: ColumnElement[bool], **detail: Any) -> Collection[str] | None:
    """Add the deletion of the account and its event to the transaction, if these conditions hold for its row.

    Returns:
        The lookup forms of the erased addresses; None if nothing was done, as the account no longer exists or a
        condition does not hold.
    """
    keys = _addresses(user)
    deleting = delete(User).where(User.id == user.id, *conditions).returning(User.id)
    if db.session.scalar(deleting) is None:
        return None
    reset_requests.record_all_of(keys)
    db.session.execute(delete(OutboxEntry).where(func.lower(OutboxEntry.recipient).in_(keys)))
    unconfirmed = AddressChange.confirmed_at.is_(None)  # Requests of other accounts, which can ask again.
    db.session.execute(delete(AddressChange).where(AddressChange.new_email_key.in_(keys), unconfirmed))
    digests = sorted({digest for key in keys for digest in audit.digests(key)})
    attempts = SecurityEvent.user_id.is_(None) & SecurityEvent.email_digest.in_(digests)
    events = erasure.erase(or_(SecurityEvent.user_id == user.id, attempts))
    detail |= {erasure.ADDRESS_DIGESTS: digests, "events": events}
    audit.record(erasure.DELETED, client, user_id=user.id, email_key=user.email_key, **detail)
    return keys


def _addresses(user: User) -> set[str]:
    changes = select(AddressChange.old_email_key, AddressChange.new_email_key).where(
        AddressChange.user_id == user.id, AddressChange.confirmed_at.is_not(None)
    )
    keys = {user.email_key}.union(*map(tuple, db.session.execute(changes)))
    others = select(User.email_key).where(User.email_key.in_(keys), User.id != user.id)
    return keys - set(db.session.scalars(others))
