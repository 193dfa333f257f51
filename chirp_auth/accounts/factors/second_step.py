"""The ticket of the second step: what stands for a right password until the second factor is shown.

It is a signed reference to the user, made under one credential version: any change of the account voids it. It lives
ten minutes and opens nothing by itself. Until then it may be used again, each time with another unused code.
"""

from datetime import timedelta

from chirp_auth.accounts import users
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken, TokenExpired
from chirp_auth.extensions import db
from chirp_auth.models import User
from chirp_auth.security import tokens

TICKET_LIFE = timedelta(minutes=10)


def ticket_for(user: User) -> str:
    """Return the ticket of a user who has just shown the password."""
    return tokens.mint(tokens.SECOND_STEP, user.id, now(), _mark(user))


def user_of(ticket: str) -> User:
    """Return the user who has shown the password.

    Raises:
        InvalidToken: it is not ours, or the account has changed since, is locked or cannot be used.
        TokenExpired: it is too old.
    """
    reference = tokens.read(tokens.SECOND_STEP, ticket)
    if now() - reference.minted_at > TICKET_LIFE:
        raise TokenExpired
    user = db.session.get(User, reference.id, populate_existing=True)
    if user is None or reference.mark != _mark(user) or user.disabled_at or not users.is_usable(user):
        raise InvalidToken
    return user


def _mark(user: User) -> str:
    return tokens.mark_of(f"credential version {user.credential_version}")
