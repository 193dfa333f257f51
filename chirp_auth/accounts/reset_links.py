"""Reset links: composing one, and finding out what one refers to.

The worker composes: it finds out whether there is anyone to write to and mints the link at that moment, so that
no table, queue, backup or log ever holds one.
"""

from collections.abc import Sequence

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


def compose_link(entry: OutboxEntry) -> Email:
    """Find out whom the promise is for, void their older links and mint the new one.

    The link's row carries the entry's id, so composing again after a crash gives the same link.
    """
    user = users.find(addresses.parse(entry.recipient).key)
    if user is None:
        raise NotSent("no account")
    if user.disabled_at:
        raise NotSent("account disabled")
    row = db.session.get(PasswordResetToken, entry.id) or _issue(entry, user)
    if row.used_at or row.revoked_at:
        raise NotSent("replaced by a newer link")
    if row.expires_at <= now():  # The mail server was away for longer than the link lives.
        row.created_at, row.expires_at = now(), now() + settings.password_reset_token_expires_in
    db.session.commit()
    token = mint(row)
    link = f"{settings.frontend_url}{settings.password_reset_redirect_url}?token={token}"
    return Email(
        addresses.parse(user.email).deliverable,
        {
            "name": name_of(user, user.email_key),
            "link": link,
            "app_link": open_in_app(token),
            "life": in_words(settings.password_reset_token_expires_in),
            "expires_at": row.expires_at,
            "requested_at": entry.created_at,
            "device": device_in_words(row.requested_user_agent),
            "ip": shortened(row.requested_ip),
        },
    )


def without_account(entries: Sequence[OutboxEntry]) -> Sequence[OutboxEntry]:
    """Return the promises to addresses that have no account: one question for all, as strangers' come in heaps."""
    keys = {entry.id: addresses.parse(entry.recipient).key for entry in entries}
    known = set(db.session.scalars(select(User.email_key).where(User.email_key.in_(set(keys.values())))))
    return [entry for entry in entries if keys[entry.id] not in known]


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


def _issue(entry: OutboxEntry, user: User) -> PasswordResetToken:
    """Void the user's older links and add a new one, unless this hour's mails are spent or the promise was voided."""
    may_leave = mail_caps.allow([entry])  # The mailbox is held before the account, here as everywhere.
    # The update comes first: it holds the user's row, so that two workers count one after the other.
    asked = update(User).where(User.id == user.id).values(password_reset_requested_at=now())
    db.session.execute(asked, execution_options={"synchronize_session": False})
    if issued := db.session.get(PasswordResetToken, entry.id):  # by a worker whose lease ran out meanwhile
        return issued
    if not outbox.hold(entry):
        db.session.rollback()
        raise NotSent("cancelled")
    # A link out of our own notice asks for recovery: nobody can spend those mails for the owner.
    if not may_leave:
        mail_caps.withhold(entry, "password_reset.withheld", user.id)
    db.session.refresh(user)
    revocation.revoke_links(user.id)
    row = PasswordResetToken(
        id=entry.id,
        user=user,
        credential_version=user.credential_version,
        created_at=now(),
        expires_at=now() + settings.password_reset_token_expires_in,
        requested_ip=entry.params.get("ip"),
        requested_user_agent=entry.params.get("user_agent"),
    )
    db.session.add(row)
    return row


def _went_to_present_address(reference: tokens.Reference, row: PasswordResetToken) -> bool:
    """Say whether the link was mailed to the account's present address."""
    if reference.mark:
        return reference.mark == tokens.mark_of(row.user.email_key)
    # An older link does not name its address. Its outbox entry does; without one the account must be unchanged.
    entry = db.session.get(OutboxEntry, row.id)
    if entry and entry.kind == "reset_link":
        return addresses.parse(entry.recipient).key == row.user.email_key
    return row.credential_version == row.user.credential_version
