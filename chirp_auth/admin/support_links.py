"""Reset links that an operator mails or shows, and revoking those that are out.

Whoever talks an operator into giving a link away has the account, so the owner is told by mail of every link.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Update, func, select, update

from chirp_auth import audit
from chirp_auth.accounts import account_recovery, addresses, mail_caps, password_reset, reset_links, revocation
from chirp_auth.clock import now
from chirp_auth.errors import AccountLocked, TooManyMails
from chirp_auth.extensions import db, settings
from chirp_auth.mail import outbox
from chirp_auth.mail.rendering import Email, NotSent, name_of
from chirp_auth.models import OutboxEntry, PasswordResetToken, User
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
    return db.session.scalar(select(func.count()).select_from(PasswordResetToken).where(*_open(user))) or 0


def count_promised(user: User | None) -> int:
    """Return how many mails with a link for the user, or for anybody, are still to be sent."""
    return db.session.scalar(select(func.count()).select_from(OutboxEntry).where(_promised(user))) or 0


def revoke_links(user: User | None, client: Client) -> tuple[int, int]:
    """Revoke all links of the user, or everybody's, and cancel the mails that would bring one.

    Returns:
        How many links, and how many mails.
    """
    # The mails first: a worker that composes one holds its row, and its link is there once we have the row.
    cancelled = _update(
        update(OutboxEntry)
        .where(_promised(user))
        .values(due_at=None, sent_at=now(), last_error=f"cancelled by {client.actor}")
    )
    revoked = _update(update(PasswordResetToken).where(*_open(user)).values(revoked_at=now()))
    user_id = user.id if user else None
    audit.record("password_reset.links_voided", client, user_id=user_id, voided=revoked, cancelled=cancelled)
    db.session.commit()
    return revoked, cancelled


def _promised(user: User | None) -> ColumnElement[bool]:
    brings_a_link = OutboxEntry.kind.in_(("reset_link", "invitation")) & OutboxEntry.sent_at.is_(None)
    if user is None:
        return brings_a_link
    waiting = select(OutboxEntry.id, OutboxEntry.recipient, OutboxEntry.user_id).where(brings_a_link)
    # A promise names an address as it was typed, and says nothing of accounts.
    mine = [
        entry.id
        for entry in db.session.execute(waiting)
        if entry.user_id == user.id or addresses.parse(entry.recipient).key == user.email_key
    ]
    return OutboxEntry.id.in_(mine) & OutboxEntry.sent_at.is_(None)


def _update(statement: Update) -> int:
    result: Any = db.session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)


def _open(user: User | None) -> list[Any]:
    usable: list[Any] = [
        PasswordResetToken.used_at.is_(None),
        PasswordResetToken.revoked_at.is_(None),
        PasswordResetToken.expires_at > now(),
    ]
    return [*usable, PasswordResetToken.user_id == user.id] if user else usable
