"""Reset links: minting one, and finding out what one refers to."""

from sqlalchemy import select

from chirp_auth import audit
from chirp_auth.accounts import addresses
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken, LinkReplaced, TokenAlreadyUsed, TokenExpired
from chirp_auth.extensions import db, settings
from chirp_auth.models import OutboxEntry, PasswordResetToken, SecurityEvent
from chirp_auth.security import tokens
from chirp_auth.security.client import Client


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
        key = row.user.email_key
        audit.record("password_reset.opened", client, user_id=row.user_id, email_key=key, link=str(row.id))
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


def _went_to_present_address(reference: tokens.Reference, row: PasswordResetToken) -> bool:
    """Say whether the link was mailed to the account's present address."""
    if reference.mark:
        return reference.mark == tokens.mark_of(row.user.email_key)
    # An older link does not name its address. Its outbox entry does; without one the account must be unchanged.
    entry = db.session.get(OutboxEntry, row.id)
    if entry and entry.kind == "reset_link":
        return addresses.parse(entry.recipient).key == row.user.email_key
    return row.credential_version == row.user.credential_version
