"""The audit events of reset requests, written from the outbox.

A request stores one row, its promise in the outbox. The event follows within seconds, with the time, the reference and
the client of the request: in the transaction in which a worker claims the promise, or before the next seal.
"""

from collections.abc import Collection, Sequence

from chirp_auth import audit
from chirp_auth.accounts import addresses
from chirp_auth.audit.vocabulary import Kind
from chirp_auth.mail import outbox, outbox_records
from chirp_auth.models import OutboxEntry
from chirp_auth.security.client import Client

KIND: Kind = "password_reset.requested"


def promise(email: str, client: Client, code_challenge: str | None) -> None:
    """Commit the promise of a link; the same for every address.

    Raises:
        InvalidEmail: the address is not an address.
    """
    outbox.put_unrecorded(
        "reset_link",
        addresses.parse(email).deliverable,
        ip=client.ip,
        user_agent=client.user_agent,
        reference=client.reference,
        face=client.face,
        code_challenge=code_challenge,
        language=client.language,
    )
    audit.announce(KIND, client)


def record(entries: Sequence[OutboxEntry]) -> None:
    """Add the events of the caller's entries to the transaction, for those that have none yet."""
    unrecorded = [entry for entry in entries if not entry.is_recorded]
    outbox_records.mark_recorded(unrecorded)
    _write(unrecorded)


def record_waiting(limit: int) -> int:
    """Add the events of up to `limit` requests that no worker has claimed; return how many there were."""
    entries = outbox_records.take_unrecorded(limit)
    _write(entries)
    return len(entries)


def record_all_of(recipients: Collection[str]) -> None:
    """Add the events of all requests for these mailboxes: their entries are about to be deleted."""
    _write(outbox_records.take_unrecorded(None, recipients))


def _write(entries: Sequence[OutboxEntry]) -> None:
    audit.write([_event(entry) for entry in entries])


def _event(entry: OutboxEntry) -> dict[str, object]:
    params = entry.params
    client = Client(params["face"], params["ip"], params["user_agent"], params["reference"])
    return audit.event(KIND, client, at=entry.created_at, email_key=addresses.parse(entry.recipient).key)
