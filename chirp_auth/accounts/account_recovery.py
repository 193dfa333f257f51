"""This was not me: the link in every notice, and what its button does.

It shuts out whoever did what the notice tells, and starts the recovery: the address the notice went to counts
again, all sessions and links end, the present password opens nothing, and a reset link is mailed. It works until
the account was recovered by a reset; asked again before that, it does the same again.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select, update
from sqlalchemy.exc import IntegrityError

from chirp_auth import audit
from chirp_auth.accounts import addresses, former_passwords, revocation
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken, TokenAlreadyUsed, TokenExpired
from chirp_auth.extensions import db, settings
from chirp_auth.mail import outbox
from chirp_auth.models import AddressChange, OutboxEntry, PasswordResetToken, User
from chirp_auth.security import tokens
from chirp_auth.security.client import Client

LINK_LIFE = timedelta(days=7)


def link(entry: OutboxEntry, since: datetime | None = None) -> str:
    """Return the link for a notice. It names the user and the address that the notice goes to.

    `since`, or else the entry's time, is the moment after which a reset counts as the account's recovery.
    """
    assert entry.user_id is not None  # noqa: S101 - a notice is always about an account
    mark = tokens.mark_of(addresses.parse(entry.recipient).key)
    token = tokens.mint(tokens.NOT_ME, entry.user_id, since or entry.created_at, mark)
    return f"{settings.public_url}/not-me?token={token}"


def is_reserved(email_key: str, *, but_for: UUID | None = None) -> bool:
    """Say whether an account that has left this address may still come back to it: no other gets it meanwhile.

    Only if it was confirmed there. Else a stranger could register somebody's address, leave it, and keep them out.
    """
    leaving = _reserving().where(AddressChange.old_email_key == email_key)
    if but_for:
        leaving = leaving.where(AddressChange.user_id != but_for)
    return db.session.scalar(leaving.limit(1)) is not None


def reserved(email_keys: Iterable[str]) -> set[str]:
    """Return which of many addresses are reserved, in one question."""
    return set(db.session.scalars(_reserving().where(AddressChange.old_email_key.in_(list(email_keys)))))


def check_link(token: str) -> str:
    """Return the address that the account has, or gets back, and to which a reset link would go. Changes nothing.

    Raises:
        InvalidToken: not one of our links, or the address it went to has nothing to do with the account any more.
        TokenExpired: ours and genuine, but older than seven days.
        TokenAlreadyUsed: the account was recovered since.
    """
    user, undone = _subject(token)
    return undone.old_email if undone else user.email


def secure_account(token: str, client: Client) -> str:
    """Shut everybody out and mail a reset link; return the address it goes to.

    Raises:
        InvalidToken, TokenExpired, TokenAlreadyUsed: as for `check_link`; on record.
    """
    try:
        user, undone = _subject(token)
    except (InvalidToken, TokenExpired, TokenAlreadyUsed) as refusal:
        audit.record("account.secured", client, outcome=refusal.code.lower())
        db.session.commit()
        raise
    ended = _shut(user, undone)
    email = undone.old_email if undone else user.email
    outbox.put(
        "reset_link",
        addresses.parse(email).deliverable,
        ip=client.ip,
        user_agent=client.user_agent,
        reference=client.reference,
        recovery=True,
    )
    audit.record("account.secured", client, user_id=user.id, ended=ended, address_restored=undone is not None)
    db.session.commit()
    return email


def _subject(token: str) -> tuple[User, AddressChange | None]:
    """Return the link's user, and the change of address that it would undo."""
    reference = tokens.read(tokens.NOT_ME, token)
    user = db.session.get(User, reference.id)
    if user is None:
        raise InvalidToken
    if now() - reference.minted_at > LINK_LIFE:
        raise TokenExpired
    if reference.mark == tokens.mark_of(user.email_key):
        _check_not_recovered(user, reference.minted_at, now())
        return user, None
    undoable = select(AddressChange).where(AddressChange.user_id == user.id, *_undoable())
    for change in db.session.scalars(undoable.order_by(AddressChange.confirmed_at)):
        if reference.mark == tokens.mark_of(change.old_email_key):
            assert change.confirmed_at is not None  # noqa: S101 - asked for above
            _check_not_recovered(user, reference.minted_at, change.confirmed_at)
            return user, change
    raise InvalidToken


def _check_not_recovered(user: User, since: datetime, until: datetime) -> None:
    """Refuse if a reset recovered the account while its mail went where the notice went.

    A reset after the address was changed proves nothing: whoever changed it gets the mail.

    Raises:
        TokenAlreadyUsed: it was.
    """
    # A link's time is in whole seconds, and the notice of a reset is as old as the reset.
    resets = select(PasswordResetToken.id).where(
        PasswordResetToken.user_id == user.id,
        PasswordResetToken.used_at >= since + timedelta(seconds=1),
        PasswordResetToken.used_at < until,
    )
    if db.session.scalar(resets.limit(1)):
        raise TokenAlreadyUsed


def _reserving() -> Select[str]:
    return select(AddressChange.old_email_key).where(AddressChange.old_email_verified_at.is_not(None), *_undoable())


def _undoable() -> tuple[ColumnElement[bool], ...]:
    return AddressChange.confirmed_at > now() - LINK_LIFE, AddressChange.undone_at.is_(None)


def _shut(user: User, undone: AddressChange | None) -> int:
    """Take the password away and end everything, with the old address back in its place; return how many ended."""
    address: dict[str, Any] = {"email": undone.old_email, "email_key": undone.old_email_key} if undone else {}
    try:
        former = former_passwords.kept_of(user)
        places = revocation.change_credentials(user, password_hash=None, former_password_hashes=former, **address)
    except IntegrityError:  # Somebody else has an account with the old address by now.
        places = None
    if places is None:
        db.session.rollback()
        raise InvalidToken
    if undone:  # And with it all changes that came after.
        undoing = update(AddressChange).where(
            AddressChange.user_id == user.id, AddressChange.confirmed_at >= undone.confirmed_at
        )
        db.session.execute(undoing.values(undone_at=now()))
    return len(places)
