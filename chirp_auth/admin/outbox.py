"""What operators do with the outbox: list, retry, cancel and test."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, func, select, update

from chirp_auth import audit, rows
from chirp_auth.accounts import addresses
from chirp_auth.clock import now
from chirp_auth.errors import InvalidEmail
from chirp_auth.extensions import db, settings
from chirp_auth.mail import outbox, rendering, status
from chirp_auth.mail.sender import open_sender
from chirp_auth.models import OutboxEntry, User
from chirp_auth.security.client import Client


def listed(
    limit: int, state: str | None = None, *, email: str | None = None, kind: str | None = None
) -> Iterator[OutboxEntry]:
    """Return mails, newest first.

    Args:
        state: only those in this state: waiting, parked, sent, closed.
        email: only those to this address; any other text finds none.
        kind: only those of this kind.
    """
    query = select(OutboxEntry).order_by(OutboxEntry.created_at.desc(), OutboxEntry.id)
    if state:
        query = query.where(status.BY_NAME[state])
    if email:
        query = query.where(func.lower(OutboxEntry.recipient).in_(_written_forms(email)))
    if kind:
        query = query.where(OutboxEntry.kind == kind)
    return rows.of(query, limit)


def find(entry_id: UUID) -> OutboxEntry | None:
    """Return one mail."""
    return db.session.get(OutboxEntry, entry_id)


def waiting_mails(user: User) -> list[OutboxEntry]:
    """Return the user's mails that were not sent yet."""
    unsent = select(OutboxEntry).where(OutboxEntry.user_id == user.id, OutboxEntry.sent_at.is_(None))
    return list(db.session.scalars(unsent.order_by(OutboxEntry.created_at)))


def count_parked() -> int:
    """Return how many mails are parked."""
    return db.session.scalar(select(func.count()).select_from(OutboxEntry).where(status.is_parked)) or 0


def retry(entry_id: UUID | None, client: Client) -> int:
    """Let a mail that waits, or all that are parked, be tried once more; return how many that were."""
    which = OutboxEntry.id == entry_id if entry_id else status.is_parked
    retried = _change(which, due_at=now(), attempts=0)
    audit.record("mail.retried", client, entry=str(entry_id or "all parked"), mails=retried)
    db.session.commit()
    return retried


def cancel(entry_id: UUID | None, client: Client) -> int:
    """Give up a mail that was not sent, or all that are parked; return how many that were."""
    which = OutboxEntry.id == entry_id if entry_id else status.is_parked
    over = {"due_at": None, "sent_at": now(), "recipient": outbox.recipient_when_over}
    cancelled = _change(which, **over, last_error=f"cancelled by {client.actor}")
    audit.record("mail.cancelled", client, entry=str(entry_id or "all parked"), mails=cancelled)
    db.session.commit()
    return cancelled


def send_test(email: str, client: Client) -> str:
    """Send a test mail now, without the outbox, so that the server's answer is seen here; return who took it.

    Raises:
        InvalidEmail: the address is not an address.
        ServerAway, TryLater, Refused: the mail server did not take it.
    """
    address = addresses.parse(email)
    entry_id = uuid4()
    entry = OutboxEntry(id=entry_id, kind="test", message_id=outbox.message_id(entry_id))
    message = rendering.message_for(entry, rendering.Email(address.deliverable))
    with open_sender() as delivery:
        delivery.send(message)
    audit.record("mail.tested", client, email_key=address.key, server=settings.smtp_host or "mailbox")
    db.session.commit()
    return settings.smtp_host or "the development mailbox"


def _written_forms(email: str) -> set[str]:
    """Return how a recipient can be written: as mail is sent to it, or as its owner typed it; in lower case."""
    try:
        address = addresses.parse(email)
    except InvalidEmail:
        return {email}
    return {address.key, address.typed.lower()}


def _change(which: ColumnElement[bool], **values: Any) -> int:
    unsent = rows.locked_in_order(OutboxEntry, which, OutboxEntry.sent_at.is_(None))
    statement = update(OutboxEntry).where(unsent).values(**values)
    result: Any = db.session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)
