"""Composing reset links, for the worker.

It finds out whether there is anyone to write to and mints the link at that moment, so that no table, queue, backup or
log ever holds one.
"""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from sqlalchemy import insert, select, update

from chirp_auth.accounts import addresses, mail_caps, reset_codes, reset_links, revocation, users
from chirp_auth.clock import now
from chirp_auth.extensions import db, settings
from chirp_auth.mail import outbox
from chirp_auth.mail.rendering import Email, NotSent, language_of, name_of
from chirp_auth.models import OutboxEntry, PasswordResetToken, User
from chirp_auth.security import codes
from chirp_auth.security.client import shortened

# On the table, not the class, whose unit of work takes longer than the insert.
_INSERT = insert(PasswordResetToken.metadata.tables["password_reset_tokens"])
_COLUMNS = [column.name for column in PasswordResetToken.__table__.columns if column.default is None]


def compose_links(entries: Sequence[OutboxEntry]) -> dict[UUID, Email | NotSent]:
    """Find out whom the promises of one claim are for, void those users' older links and mint the new ones; commit.

    A link's row carries its entry's id, so composing again after a crash gives the same link.
    """
    emails: dict[UUID, Email | NotSent] = {}
    keys = {entry.id: addresses.parse(entry.recipient).key for entry in entries}
    by_key = users.find_all(set(keys.values()))
    promises: dict[UUID, tuple[OutboxEntry, User]] = {}
    for entry in entries:
        user = by_key.get(keys[entry.id])
        if user is None or user.disabled_at:
            emails[entry.id] = NotSent("account disabled" if user else "no account")
        else:
            promises[entry.id] = (entry, user)
    issued = _issued(promises)
    missing = {entry_id: promise for entry_id, promise in promises.items() if entry_id not in issued}
    sendable = _sendable(issued.values(), emails)
    sendable += _issue(missing, emails) if missing else []
    db.session.commit()
    emails.update({row.id: _email(promises[row.id][0], row) for row in sendable})
    return emails


def decoy(entry: OutboxEntry) -> Email:
    """Return a mail from sample data: the worker composes it where nobody is to be written to, and throws it away."""
    sample = User(id=entry.id, email="decoy@example.com", email_key="decoy@example.com", email_verified_at=now())
    return _email(entry, _new_row(entry, sample))


def _issued(entry_ids: Collection[UUID]) -> dict[UUID, PasswordResetToken]:
    """Return the links that these entries have already."""
    query = select(PasswordResetToken).where(PasswordResetToken.id.in_(entry_ids))
    return {row.id: row for row in db.session.scalars(query, execution_options={"populate_existing": True})}


def _sendable(rows: Iterable[PasswordResetToken], emails: dict[UUID, Email | NotSent]) -> list[PasswordResetToken]:
    """Return the links that may be sent once more, and note why the others are not."""
    sendable = []
    for row in rows:
        if row.used_at or row.revoked_at:
            emails[row.id] = NotSent("replaced by a newer link")
            continue
        if row.expires_at <= now():  # The mail server was away for longer than the link lives.
            row.created_at, row.expires_at = now(), now() + settings.password_reset_token_expires_in
        sendable.append(row)
    return sendable


def _issue(
    promises: dict[UUID, tuple[OutboxEntry, User]], emails: dict[UUID, Email | NotSent]
) -> list[PasswordResetToken]:
    """Void the users' older links and add the new ones, where this hour's mails are not spent nor the promise void."""
    entries = [entry for entry, _ in promises.values()]
    held = outbox.hold(entries)  # The entries first, then the mailboxes, then the users: here as everywhere.
    allowed = mail_caps.allow(entries, {entry.id: user.email_key for entry, user in promises.values()})
    holders = _lock({user.id for _, user in promises.values()})
    issued = _issued(promises)  # by a worker whose lease ran out meanwhile
    rows: list[PasswordResetToken] = []
    for entry, user in promises.values():
        if entry.id in issued:
            continue
        if entry.id not in held or user.id not in holders:
            emails[entry.id] = NotSent("cancelled")
        elif entry.id not in allowed:
            emails[entry.id] = NotSent(mail_caps.TOO_MANY)
            mail_caps.record_withheld(entry, "password_reset.withheld", user.id)
        else:
            rows.append(_new_row(entry, user))
    _replace_older(rows)
    return _sendable(issued.values(), emails) + rows


def _lock(user_ids: Collection[UUID]) -> set[UUID]:
    """Read the users anew and keep them as they are; in the order of their ids, so that no two workers deadlock."""
    query = select(User).where(User.id.in_(user_ids)).order_by(User.id).with_for_update()
    return {user.id for user in db.session.scalars(query, execution_options={"populate_existing": True})}


def _replace_older(rows: Sequence[PasswordResetToken]) -> None:
    """Add the new links, and void all that these users had; of several for one user only the newest is good."""
    if not rows:
        return
    newest = {row.user.id: row for row in rows}
    for row in rows:
        row.revoked_at = None if newest[row.user.id] is row else now()
    revocation.revoke_links(*newest)
    asked = update(User).where(User.id.in_(newest)).values(password_reset_requested_at=now())
    db.session.execute(asked, execution_options={"synchronize_session": False})
    db.session.connection().execute(_INSERT, [{name: getattr(row, name) for name in _COLUMNS} for row in rows])


def _new_row(entry: OutboxEntry, user: User) -> PasswordResetToken:
    return PasswordResetToken(
        id=entry.id,
        user=user,
        user_id=user.id,
        credential_version=user.credential_version,
        created_at=now(),
        expires_at=now() + settings.password_reset_token_expires_in,
        code_challenge=entry.params.get("code_challenge"),
        requested_ip=entry.params.get("ip"),
        requested_user_agent=entry.params.get("user_agent"),
    )


def _email(entry: OutboxEntry, row: PasswordResetToken) -> Email:
    token = reset_links.mint(row)
    name = name_of(row.user, row.user.email_key)
    return Email(
        addresses.parse(row.user.email).deliverable,
        {
            "name": name,
            "address": row.user.email if name else None,  # Unconfirmed, it too is what somebody typed.
            "link": f"{settings.frontend_url}{settings.password_reset_redirect_url}?token={token}",
            "app_link": reset_links.open_in_app(token),
            "code": codes.grouped(code) if (code := reset_codes.code_of(row)) else None,
            "code_life": reset_codes.LIFE,
            "life": settings.password_reset_token_expires_in,
            "expires_at": row.expires_at,
            "requested_at": entry.created_at,
            "user_agent": row.requested_user_agent,
            "ip": shortened(row.requested_ip),
        },
        language_of(entry, row.user),
    )
