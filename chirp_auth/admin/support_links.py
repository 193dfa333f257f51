"""Reset links that an operator mails or shows, and revoking those that are out.

Whoever talks an operator into giving a link away has the account, so the owner is told by mail of every link.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Row, func, or_, select, union_all, update

from chirp_auth import audit
from chirp_auth.accounts import account_recovery, addresses, mail_caps, password_reset, reset_links, revocation
from chirp_auth.clock import now
from chirp_auth.errors import AccountLocked, TooManyMails
from chirp_auth.extensions import db, settings
from chirp_auth.mail import outbox, status
from chirp_auth.mail.rendering import Email, NotSent, language_of, name_of
from chirp_auth.models import OutboxEntry, PasswordResetToken, User
from chirp_auth.rows import locked_in_order
from chirp_auth.security.client import Client

LINK_LIFE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class SupportLink:
    """A link that is shown once."""

    url: str
    expires_at: datetime


def create_link(user: User, client: Client) -> SupportLink:
    """Make a link for the user, void all others, record who made it, and tell the owner; it lives for 15 minutes.

    Raises:
        AccountLocked: a locked account has no use for a link.
    """
    if user.disabled_at:
        raise AccountLocked
    revocation.revoke_links(user.id)
    row = PasswordResetToken(
        id=uuid4(),
        user=user,
        credential_version=user.credential_version,
        created_at=now(),
        expires_at=now() + min(LINK_LIFE, settings.password_reset_token_expires_in),
    )
    db.session.add(row)
    outbox.put("support_link", user.email, user.id, expires_at=row.expires_at.isoformat())
    audit.record("password_reset.link_shown", client, user_id=user.id, email_key=user.email_key)
    db.session.commit()
    token = reset_links.mint(row)
    return SupportLink(f"{settings.frontend_url}{settings.password_reset_redirect_url}?token={token}", row.expires_at)


def compose_notice(entry: OutboxEntry) -> Email:
    """Tell the owner that support made a link, without the link itself."""
    user = db.session.get(User, entry.user_id)
    if user is None:
        raise NotSent("no account")
    address, expires_at = addresses.parse(entry.recipient), datetime.fromisoformat(entry.params["expires_at"])
    return Email(
        address.deliverable,
        {
            "name": name_of(user, address.key),
            "made_at": entry.created_at,
            "expires_at": expires_at,
            # A reset by this very link is no recovery: until it has ended, it may be the thief's.
            "not_me_link": account_recovery.link(entry, expires_at),
        },
        language_of(entry, user),
    )


def mail_link(user: User, client: Client) -> None:
    """Promise a reset link to the user, as if they had asked.

    Raises:
        AccountLocked: a locked account gets no mail.
        TooManyMails: nor does one more after those of this hour or day, sent or on their way.
    """
    if user.disabled_at:
        raise AccountLocked
    if mail_caps.reset_links_left(user.email_key, count_promised(user)) <= 0:
        raise TooManyMails
    password_reset.request_link(user.email, client)


def count_usable(user: User | None) -> int:
    """Return how many links of the user, or of everybody, can still be used."""
    usable = usable_links(_ids(user))
    return db.session.scalar(select(func.count()).select_from(PasswordResetToken).where(*usable)) or 0


def count_promised(user: User | None) -> int:
    """Return how many mails with a link for the user, or for anybody, are still to be sent."""
    return db.session.scalar(select(func.count()).select_from(OutboxEntry).where(promised(_users(user)))) or 0


def revoke_links(user: User | None, client: Client) -> tuple[int, int]:
    """Revoke all links of the user, or everybody's, and cancel the mails that would bring one.

    Returns:
        How many links, and how many mails.
    """
    # The mails first: a worker that composes one holds its row, and its link is there once we have the row.
    cancelled = len(cancel_promised(promised(_users(user)), client))
    usable = locked_in_order(PasswordResetToken, *usable_links(_ids(user)))
    result: Any = db.session.execute(update(PasswordResetToken).where(usable).values(revoked_at=now()))
    revoked = int(result.rowcount)
    user_id, email_key = (user.id, user.email_key) if user else (None, None)
    audit.record(
        "password_reset.links_voided", client, user_id=user_id, email_key=email_key, voided=revoked, cancelled=cancelled
    )
    db.session.commit()
    return revoked, cancelled


def promised(users: Iterable[User] | None) -> ColumnElement[bool]:
    """Return the condition for mails with a link, for these users or for anybody, that are still to be sent."""
    # Each of the two states has an index, of which the many mails that were sent are no part.
    states = (select(OutboxEntry.id).where(state) for state in (status.is_waiting, status.is_parked))
    unsent = OutboxEntry.id.in_(union_all(*states)) & OutboxEntry.sent_at.is_(None)
    brings_a_link = OutboxEntry.kind.in_(("reset_link", "invitation")) & unsent
    if users is None:
        return brings_a_link
    keys = {user.id: user.email_key for user in users}
    # The promise of a reset link names an address, and says nothing of accounts.
    by_address = func.lower(OutboxEntry.recipient).in_(list(keys.values()))
    return brings_a_link & or_(OutboxEntry.user_id.in_(list(keys)), by_address)


def cancel_promised(which: ColumnElement[bool], client: Client) -> Sequence[Row[UUID | None, str]]:
    """Cancel these mails in the caller's transaction; return the `user_id` and `recipient` of each."""
    cancelling = (
        update(OutboxEntry)
        .where(locked_in_order(OutboxEntry, which))
        .values(due_at=None, sent_at=now(), last_error=f"cancelled by {client.actor}")
        .returning(OutboxEntry.user_id, OutboxEntry.recipient)
    )
    return db.session.execute(cancelling).all()


def usable_links(user_ids: Iterable[UUID] | None) -> list[ColumnElement[bool]]:
    """Return the conditions for links, of these users or of everybody, that can still be used."""
    usable = [
        PasswordResetToken.used_at.is_(None),
        PasswordResetToken.revoked_at.is_(None),
        PasswordResetToken.expires_at > now(),
    ]
    return usable if user_ids is None else [*usable, PasswordResetToken.user_id.in_(list(user_ids))]


def _users(user: User | None) -> list[User] | None:
    return [user] if user else None


def _ids(user: User | None) -> list[UUID] | None:
    return [user.id] if user else None
