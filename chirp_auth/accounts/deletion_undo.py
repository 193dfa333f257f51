"""The undo of a deletion: the owner keeps the account by the mailed link, until the seven days are over."""

from uuid import UUID

from sqlalchemy import update

from chirp_auth import audit
from chirp_auth.accounts import deletion, users
from chirp_auth.audit.vocabulary import outcome_of
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken, TokenAlreadyUsed, TokenExpired
from chirp_auth.extensions import db
from chirp_auth.models import User
from chirp_auth.security import tokens
from chirp_auth.security.client import Client


def check_link(token: str) -> User:
    """Return the account that the button would keep. Changes nothing.

    Raises:
        InvalidToken: not one of our links, or the account has another address by now.
        TokenExpired: a genuine link, but the seven days are over.
        TokenAlreadyUsed: the deletion was undone since.
    """
    reference = tokens.read(tokens.DELETION_UNDO, token)
    if now() - reference.minted_at >= deletion.UNDOABLE_FOR:  # Perhaps the account is gone: the answer is the same.
        raise TokenExpired
    user = db.session.get(User, reference.id, populate_existing=True)
    if user is None or reference.mark != tokens.mark_of(user.email_key):
        raise InvalidToken
    requested_at = user.deletion_requested_at
    if requested_at is None or requested_at.replace(microsecond=0) != reference.minted_at:
        raise TokenAlreadyUsed
    return user


def undo(token: str, client: Client) -> User:
    """Keep the account: with the same password as before, and signed in nowhere.

    Raises:
        InvalidToken, TokenExpired, TokenAlreadyUsed: as for `check_link`; the refusal is recorded.
    """
    try:
        user = check_link(token)
        if not _cancel(user):  # Undone by another request, or deleted, since it was checked.
            raise TokenAlreadyUsed
    except (InvalidToken, TokenExpired, TokenAlreadyUsed) as refusal:
        db.session.rollback()
        audit.record("deletion.undone", client, outcome=outcome_of(refusal))
        db.session.commit()
        raise
    audit.record("deletion.undone", client, user_id=user.id, email_key=user.email_key)
    db.session.commit()
    return user


def _cancel(user: User) -> UUID | None:
    """Cancel exactly the deletion that was read, unless its time has come."""
    cancelling = (
        update(User)
        .where(User.id == user.id, User.deletion_requested_at == user.deletion_requested_at, ~deletion.is_due())
        .values(updated_at=now(), **users.kept())
        .returning(User.id)
        .execution_options(synchronize_session=False)
    )
    return db.session.scalar(cancelling)
