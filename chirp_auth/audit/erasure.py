"""Erasing from where an event came, without breaking the seals over the audit trail.

An event's digest does not say IP address and user agent themselves, but a salted digest of them that the event
carries. Erasing takes the two and the salt away and leaves that digest: everything else can still be proved, and what
was erased cannot be guessed from what is left. Only the deletion of an account explains an erasure: it is an event of
the trail too, later than what it erased, and its account is gone.
"""

import json
from functools import cached_property
from hashlib import sha256
from secrets import token_hex
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, update

from chirp_auth.extensions import db
from chirp_auth.models import SecurityEvent, User

DELETED = "user.deleted"
ADDRESS_DIGESTS = "address_digests"  # In a deletion's detail: whose attempts without an account it erased as well.


def salted(ip: str | None, user_agent: str | None) -> dict[str, str | None]:
    """Return the columns `client_salt` and `client_digest` of a new event."""
    if ip is None and user_agent is None:
        return {"client_salt": None, "client_digest": None}
    salt = token_hex(16)
    return {"client_salt": salt, "client_digest": _digest(salt, ip, user_agent)}


def salt(event: SecurityEvent) -> None:
    """Give an event of an earlier release its salted digest, before it is sealed."""
    if event.client_digest is None:
        for name, value in salted(event.ip, event.user_agent).items():
            setattr(event, name, value)


def provable(event: SecurityEvent) -> list[Any]:
    """Return what an event's digest says of its client; the same before and after an erasure, and never else.

    Events of releases before the salted digest name address and device themselves.
    """
    if event.client_digest is None:
        return [event.ip, event.user_agent]
    if is_erased(event):
        return [[event.client_digest]]
    held = _digest(event.client_salt, event.ip, event.user_agent)
    return [[event.client_digest] if held == event.client_digest else [event.client_digest, held]]


def is_erased(event: SecurityEvent) -> bool:
    """Say whether the event had a client, whose digest is all that is left."""
    told = (event.ip, event.user_agent, event.client_salt)
    return event.client_digest is not None and told == (None, None, None)


def erase(which: ColumnElement[bool]) -> int:
    """Erase from where these events came, in the caller's transaction; return how many told it."""
    told = (
        SecurityEvent.client_salt.is_not(None) | SecurityEvent.ip.is_not(None) | SecurityEvent.user_agent.is_not(None)
    )
    erasing = update(SecurityEvent).where(which, told).values(ip=None, user_agent=None, client_salt=None)
    return len(db.session.scalars(erasing.returning(SecurityEvent.id)).all())


class Erasures:
    """The deletions on record of accounts that are gone; read when the first event asks for one."""

    def explain(self, event: SecurityEvent) -> bool:
        """Say whether a later deletion of its account, or of its address, explains what the event has lost."""
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
