"""How commands print security events."""

from datetime import datetime
from typing import Any

from chirp_auth.models import SecurityEvent

EVENT_COLUMNS = ("id", "at", "kind", "outcome", "user_id", "face", "ip", "user_agent", "reference", "actor", "detail")


def moment(at: datetime) -> str:
    """Return a time in RFC 3339, in UTC and to the millisecond."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event_row(event: SecurityEvent) -> dict[str, Any]:
    """Return an event under its published keys; its detail is an object, which tables and CSV show as JSON text."""
    return {
        "id": event.id,
        "at": moment(event.at),
        "kind": event.kind,
        "outcome": event.outcome,
        "user_id": str(event.user_id) if event.user_id else None,
        "face": event.face,
        "ip": event.ip,
        "user_agent": event.user_agent,
        "reference": event.reference,
        "actor": event.actor,
        "detail": event.detail or None,
    }
