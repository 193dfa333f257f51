"""Reset links: composing one, and finding out what one refers to.

The worker composes: it finds out whether there is anyone to write to and mints the link at that moment, so that
no table, queue, backup or log ever holds one.
"""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from sqlalchemy import select, update

from chirp_auth import audit
from chirp_auth.accounts import addresses, mail_caps, revocation, users
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken, LinkReplaced, TokenAlreadyUsed, TokenExpired
from chirp_auth.extensions import db, settings
from chirp_auth.formatting import in_words
from chirp_auth.mail import outbox
from chirp_auth.mail.rendering import Email, NotSent, name_of
from chirp_auth.models import OutboxEntry, PasswordResetToken, SecurityEvent, User
from chirp_auth.security import tokens
from chirp_auth.security.client import Client, device_in_words, shortened


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


def check_link(token: str) -> PasswordResetToken:
    """Return the row of a link that can still be used. Changes nothing.

    Raises:
        InvalidToken: not one of our links, or revoked (LinkReplaced).
        TokenExpired, TokenAlreadyUsed: a genuine link, but too old or used.
    """
    row = genuine(token)
    if row.used_at:
        raise TokenAlreadyUsed
    if row.expires_at <= now():
        raise TokenExpired
    if row.revoked_at or row.user.credential_version != row.credential_version or row.user.disabled_at:
        raise LinkReplaced
    return row


def note_opening(token: str, client: Client) -> None:
    """Record the first opening of a genuine link, for operators who trace a request."""
    try:
        row = genuine(token)
    except (InvalidToken, TokenExpired):
        return
    query = select(SecurityEvent.detail).where(
        SecurityEvent.user_id == row.user_id,
        SecurityEvent.kind == "password_reset.opened",
        SecurityEvent.at >= row.created_at,
    )
    if not any((detail or {}).get("link") == str(row.id) for detail in db.session.scalars(query)):
        audit.record("password_reset.opened", client, user_id=row.user_id, link=str(row.id))
    db.session.commit()


def mint(row: PasswordResetToken) -> str:
    """Return the link's token. It names the row and the address, so that it dies when the address changes."""
    return tokens.mint(tokens.PASSWORD_RESET, row.id, row.created_at, tokens.mark_of(row.user.email_key))


def genuine(token: str) -> PasswordResetToken:
    """Return the row of a genuine link, used, expired and revoked ones too, as long as the account has its address.

    Raises:
        InvalidToken: not one of our links, or mailed to an address that the account has left.
        TokenExpired: a genuine link, but so old that its row was purged.
    """
    reference = tokens.read(tokens.PASSWORD_RESET, token)
    row = db.session.get(PasswordResetToken, reference.id)
    if row is None:  # It was purged, which happens long after it expired, or deleted with its user.
        expired = now() - reference.minted_at > settings.password_reset_token_expires_in
        raise TokenExpired if expired else InvalidToken
    if not _went_to_present_address(reference, row):
        raise InvalidToken
    return row


def open_in_app(token: str) -> str | None:
    """Return the address that opens the mobile app at this link, if there is an app."""
    return f"{settings.mobile_deep_link}?token={token}" if settings.mobile_deep_link else None


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
    db.session.add_all(rows)


def _new_row(entry: OutboxEntry, user: User) -> PasswordResetToken:
    return PasswordResetToken(
        id=entry.id,
        user=user,
        credential_version=user.credential_version,
        created_at=now(),
        expires_at=now() + settings.password_reset_token_expires_in,
        requested_ip=entry.params.get("ip"),
        requested_user_agent=entry.params.get("user_agent"),
    )


def _email(entry: OutboxEntry, row: PasswordResetToken) -> Email:
    token = mint(row)
    return Email(
        addresses.parse(row.user.email).deliverable,
        {
            "name": name_of(row.user, row.user.email_key),
            "link": f"{settings.frontend_url}{settings.password_reset_redirect_url}?token={token}",
            "app_link": open_in_app(token),
            "life": in_words(settings.password_reset_token_expires_in),
            "expires_at": row.expires_at,
            "requested_at": entry.created_at,
            "device": device_in_words(row.requested_user_agent),
            "ip": shortened(row.requested_ip),
        },
    )


def _went_to_present_address(reference: tokens.Reference, row: PasswordResetToken) -> bool:
    """Say whether the link was mailed to the account's present address."""
    if reference.mark:
        return reference.mark == tokens.mark_of(row.user.email_key)
    # An older link does not name its address. Its outbox entry does; without one the account must be unchanged.
    entry = db.session.get(OutboxEntry, row.id)
    if entry and entry.kind == "reset_link":
        return addresses.parse(entry.recipient).key == row.user.email_key
    return row.credential_version == row.user.credential_version
