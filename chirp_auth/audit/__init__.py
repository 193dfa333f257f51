"""The audit trail: a row for each event of an account, added to the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime
from hmac import digest as digest_by_key
from typing import Any
from uuid import UUID

import structlog
from flask import g, has_request_context
from sqlalchemy import insert

from chirp_auth import metrics, rows
from chirp_auth.audit import erasure, keys
from chirp_auth.audit.vocabulary import Kind, Outcome
from chirp_auth.clock import now
from chirp_auth.extensions import db, settings
from chirp_auth.models import SecurityEvent
from chirp_auth.security.client import Client

# A Core insert: the ORM's unit of work would double the cost of the commit.
_INSERT = insert(SecurityEvent.metadata.tables["security_events"])

log = structlog.get_logger("audit")


def record(
    kind: Kind,
    client: Client,
    *,
    outcome: Outcome = "ok",
    user_id: UUID | None = None,
    email_key: str | None = None,
    **detail: Any,
) -> None:
    """Add an event `subject.verb` to the transaction and log it; neither contains a secret or an address.

    `email_key` is stored as a keyed digest, so that attempts on one address can be counted without naming it.
    """
    write([event(kind, client, outcome=outcome, user_id=user_id, email_key=email_key, detail=detail)])
    announce(kind, client, outcome, **detail)


def announce(kind: Kind, client: Client, outcome: Outcome = "ok", **detail: Any) -> None:
    """Count an event, and log it: on the line of the request, or on a line of its own where there is none.

    The caller sees to its row in the audit trail.
    """
    metrics.events.labels(kind, outcome).inc()
    if has_request_context():
        of_request().append({"kind": kind, "outcome": outcome, "face": client.face, **detail})
    else:
        log.info(kind, outcome=outcome, face=client.face, reference=client.reference, **detail)


def of_request() -> list[dict[str, object]]:
    """Return the events of this request so far, as its log line names them."""
    events: list[dict[str, object]] = g.setdefault("audit_events", [])
    return events


def record_all(kind: Kind, client: Client, subjects: Sequence[tuple[UUID, str, dict[str, Any]]]) -> None:
    """Add an event for each account in one statement; a subject is a user's id, the address's key and the detail.

    The log has one line for all of them: a file of a hundred thousand accounts would drown it.
    """
    if not subjects:
        return
    present, at = keys.present(), now()  # Once, not for each.
    events = [
        {**event(kind, client, at=at, user_id=user, detail=detail), "email_digest": _digest(email_key, present)}
        for user, email_key, detail in subjects
    ]
    rows.insert(SecurityEvent, events)
    metrics.events.labels(kind, "ok").inc(len(subjects))
    log.info(kind, outcome="ok", face=client.face, reference=client.reference, accounts=len(subjects))


def event(
    kind: Kind,
    client: Client,
    *,
    at: datetime | None = None,
    outcome: Outcome = "ok",
    user_id: UUID | None = None,
    email_key: str | None = None,
    detail: dict[str, Any] | None = None,
) -> dict[str, object]:
    """Return the row of an event, for `write`."""
    return {
        "at": at or now(),
        "kind": kind,
        "outcome": outcome,
        "user_id": user_id,
        "email_digest": digest(email_key) if email_key else None,
        "ip": client.ip,
        "user_agent": client.user_agent,
        **erasure.salted(client.ip, client.user_agent),
        "face": client.face,
        "reference": client.reference,
        "actor": client.actor,
        "detail": detail or None,
    }


def write(events: Sequence[dict[str, object]]) -> None:
    """Add events to the transaction."""
    if events:
        db.session.connection().execute(_INSERT, events)


def digest(email_key: str) -> str:
    """Return the keyed digest by which new events name an address."""
    return _digest(email_key, keys.present())


def digests(email_key: str) -> list[str]:
    """Return every digest by which events may name an address: one for each key that is still configured.

    Releases before AUDIT_KEY used the signing keys themselves.
    """
    return [_digest(email_key, key) for key in (*settings.secret_keys, *keys.every())]


def _digest(email_key: str, key: str) -> str:
    return digest_by_key(key.encode(), b"email:" + email_key.encode(), "sha256").hex()[:32]
