"""Unwanted registrations: the link in the mail that asks to confirm an address, for whoever did not register.

Its button deletes the account, as long as nobody has confirmed it.
"""

from datetime import datetime

from sqlalchemy import CursorResult, delete

from chirp_auth import audit
from chirp_auth.accounts import registration
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken, TokenAlreadyUsed, TokenExpired
from chirp_auth.extensions import db, settings
from chirp_auth.models import User
from chirp_auth.security import tokens
from chirp_auth.security.client import Client


def link(user: User, minted_at: datetime) -> str:
    """Return the link. It names the user and the address, so it dies when the address changes."""
    token = tokens.mint(tokens.UNWANTED_REGISTRATION, user.id, minted_at, tokens.mark_of(user.email_key))
    return f"{settings.public_url}/not-registered?token={token}"


def check_link(token: str) -> User:
    """Return the account that the button would delete. Changes nothing.

    Raises:
        InvalidToken: not one of our links, or its account is gone, locked or has another address.
        TokenExpired: ours and genuine, but older than an account lives unconfirmed.
        TokenAlreadyUsed: the address was confirmed since.
    """
    reference = tokens.read(tokens.UNWANTED_REGISTRATION, token)
    user = db.session.get(User, reference.id)
    if user is None or user.disabled_at or reference.mark != tokens.mark_of(user.email_key):
        raise InvalidToken
    if user.confirm_before is None:
        raise TokenAlreadyUsed
    if now() - reference.minted_at > registration.CONFIRM_WITHIN:
        raise TokenExpired
    return user


def remove(token: str, client: Client) -> None:
    """Delete the account that somebody registered with an address that is not theirs.

    Raises:
        InvalidToken, TokenExpired, TokenAlreadyUsed: as for `check_link`.
    """
    user = check_link(token)
    deleting = delete(User).where(User.id == user.id, User.email_key == user.email_key, *registration.never_confirmed())
    result = db.session.execute(deleting, execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)  # noqa: S101 - a DELETE always gives one
    if not result.rowcount:  # Confirmed, locked or deleted at this very moment.
        db.session.rollback()
        raise TokenAlreadyUsed
    audit.record("user.deleted", client, user_id=user.id, email_key=user.email_key, reason="unwanted registration")
    db.session.commit()
