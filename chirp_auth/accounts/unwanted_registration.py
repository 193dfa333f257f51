"""Unwanted registrations: the "I did not register" link in the mail that asks to confirm an address.

Its button deletes the account, as long as the address is not confirmed.
"""

from datetime import datetime

from chirp_auth.accounts import erasure, registration
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
        InvalidToken: not one of our links, or its account is deleted, locked or has another address.
        TokenExpired: a genuine link, but older than CONFIRM_WITHIN.
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
    """Delete the account that somebody registered with an address of somebody else, and erase that address.

    Raises:
        InvalidToken, TokenExpired, TokenAlreadyUsed: as for `check_link`.
    """
    user = check_link(token)
    still_unwanted = (User.email_key == user.email_key, *registration.never_confirmed())
    if erasure.erase(user, client, *still_unwanted, reason="unwanted registration") is None:
        db.session.rollback()  # It was confirmed, locked or deleted since the link was checked.
        raise TokenAlreadyUsed
    db.session.commit()
