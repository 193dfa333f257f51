"""Erase the client (IP address and user agent) of audit events without breaking the seals.

An event's digest covers a salted digest of its client, not the client itself. Erasing removes client and salt and
leaves that digest: the rest of the event stays provable, and the client cannot be guessed from the digest. Only the
deletion of an account explains an erasure: a later event of the trail, whose account no longer exists.
"""

import json
from functools import cached_property
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, select, update

from chirp_auth.extensions import db
from chirp_auth.identifiers import random_hex
from chirp_auth.models import SecurityEvent, User

DELETED: Final = "user.deleted"
ADDRESS_DIGESTS = "address_digests"  # In a deletion's detail: the addresses whose attempts it erased, too.


def salted(ip: str | None, user_agent: str | None) -> dict[str, str | None]:
    """Return the columns `client_salt` and `client_digest` of a new event."""
    if ip is None and user_agent is None:
        return {"client_salt": None, "client_digest": None}
    salt = random_hex(16)
    return {"client_salt": salt, "client_digest": _digest(salt, ip, user_agent)}


def salt(event: SecurityEvent) -> None:
    """Give an event of an earlier release its salted digest, before it is sealed."""
    if event.client_digest is None:
        for name, value in salted(event.ip, event.user_agent).items():
            setattr(event, name, value)


def provable(event: SecurityEvent) -> list[Any]:
    """Return what an event's digest covers of its client: the same before and after an erasure, and else never.

    The digest of an event from before the salted digest covers address and user agent themselves.
    """
    if event.client_digest is None:
        return [event.ip, event.user_agent]
    if is_erased(event):
        return [[event.client_digest]]
    actual = _digest(event.client_salt, event.ip, event.user_agent)
    return [[event.client_digest] if actual == event.client_digest else [event.client_digest, actual]]


def is_erased(event: SecurityEvent) -> bool:
    """Say whether the event had a client, of which only the digest is left."""
    client = (event.ip, event.user_agent, event.client_salt)
    return event.client_digest is not None and client == (None, None, None)


def erase(condition: ColumnElement[bool]) -> int:
    """Erase the client of these events in the caller's transaction; return how many had one."""
    has_client = (
        SecurityEvent.client_salt.is_not(None) | SecurityEvent.ip.is_not(None) | SecurityEvent.user_agent.is_not(None)
    )
    erasing = update(SecurityEvent).where(condition, has_client).values(ip=None, user_agent=None, client_salt=None)
    return len(db.session.scalars(erasing.returning(SecurityEvent.id)).all())


class Erasures:
    """The recorded deletions of accounts that no longer exist; read when first needed."""

    def explain(self, event: SecurityEvent) -> bool:
        """Say whether a later deletion of its account, or of its address, explains the event's erasure."""
        by_user, by_address = self._deletions
        if event.user_id is not None:
            return by_user.get(event.user_id, 0) > event.id
        return by_address.get(event.email_digest, 0) > event.id

    @cached_property
    def _deletions(self) -> tuple[dict[UUID | None, int], dict[str | None, int]]:
        """Return the ids of the deletions, by user and by the digests of the user's addresses."""
        by_user: dict[UUID | None, int] = {}
        by_address: dict[str | None, int] = {}
        deletions = select(SecurityEvent.id, SecurityEvent.user_id, SecurityEvent.detail).where(
            SecurityEvent.kind == DELETED, SecurityEvent.user_id.not_in(select(User.id))
        )
        for event_id, user_id, detail in db.session.execute(deletions):
            by_user[user_id] = event_id
            by_address.update(dict.fromkeys((detail or {}).get(ADDRESS_DIGESTS, ()), event_id))
        return by_user, by_address


def _digest(salt: str | None, ip: str | None, user_agent: str | None) -> str:
    return sha256(json.dumps([salt, ip, user_agent], separators=(",", ":")).encode()).hexdigest()
