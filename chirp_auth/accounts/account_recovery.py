"""Account recovery: the "this was not me" link of every notice, and what its button does.

The button restores the address that the notice went to, ends all sessions and links, removes the password and the
passkeys, undoes a deletion that was asked for, stops a recovery of second factors, and mails a reset link. It works,
repeatedly, until the account was recovered by a reset. An authenticator app and its recovery codes stay: they open
nothing alone, and the reset asks for them.
Somebody who is signed in and finds a stranger's traces has the same button.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, select, update
from sqlalchemy.exc import IntegrityError

from chirp_auth import audit
from chirp_auth.accounts import addresses, former_passwords, revocation, users
from chirp_auth.audit.vocabulary import outcome_of
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken, TokenAlreadyUsed, TokenExpired
from chirp_auth.extensions import db, settings
from chirp_auth.mail import outbox
from chirp_auth.models import AddressChange, OutboxEntry, Passkey, PasswordResetToken, Session, User
from chirp_auth.security import tokens
from chirp_auth.security.client import Client

LINK_LIFE = timedelta(days=7)


def link(entry: OutboxEntry, since: datetime | None = None) -> str:
    """Return the link for a notice. It names the user and the address that the notice goes to.

    A reset after `since`, or else after the entry's time, counts as the account's recovery.
    """
    assert entry.user_id is not None  # noqa: S101 - a notice is always about an account
    mark = tokens.mark_of(addresses.parse(entry.recipient).key)
    token = tokens.mint(tokens.NOT_ME, entry.user_id, since or entry.created_at, mark)
    return f"{settings.public_url}/not-me?token={token}"


def is_reserved(email_key: str, *, but_for: UUID | None = None) -> bool:
    """Say whether an account that has left this address may still return to it, so that no other may take it.

    Only a confirmed address is reserved: otherwise a stranger could register somebody's address, leave it, and keep
    them out.
    """
    query = _reserved().where(AddressChange.old_email_key == email_key)
    if but_for:
        query = query.where(AddressChange.user_id != but_for)
    return db.session.scalar(query.limit(1)) is not None


def reserved(email_keys: Iterable[str]) -> set[str]:
    """Return which of many addresses are reserved, in one query."""
    return set(db.session.scalars(_reserved().where(AddressChange.old_email_key.in_(list(email_keys)))))


def check_link(token: str) -> str:
    """Return the address that the account has or gets back, to which a reset link would go. Changes nothing.

    Raises:
        InvalidToken: not one of our links, or the account has finally left the address it went to.
        TokenExpired: a genuine link, but older than seven days.
        TokenAlreadyUsed: the account was recovered since.
    """
    user, change = _subject(token)
    return change.old_email if change else user.email


def secure_account(token: str, client: Client) -> str:
    """End all access to the account and mail a reset link; return the address it goes to.

    Raises:
        InvalidToken, TokenExpired, TokenAlreadyUsed: as for `check_link`; the refusal is recorded.
    """
    try:
        user, change = _subject(token)
    except (InvalidToken, TokenExpired, TokenAlreadyUsed) as refusal:
        audit.record("account.secured", client, outcome=outcome_of(refusal))
        db.session.commit()
        raise
    return _secure(user, change, client)


def may_secure(user: User) -> bool:
    """Say whether a mailbox is known that may bring the owner back; without one the button would shut them out."""
    return user.email_verified_at is not None


def secure_own_account(session: Session, client: Client) -> str:
    """Do the same for somebody who is signed in; the address stays as it is.

    Raises:
        InvalidToken: the account was changed meanwhile, or its address is not confirmed.
    """
    if not may_secure(session.user):
        raise InvalidToken
    return _secure(session.user, None, client)


def _secure(user: User, change: AddressChange | None, client: Client) -> str:
    kept = user.deletion_requested_at is not None
    ended, passkeys = _end_access(user, change)
    email = change.old_email if change else user.email
    outbox.put(
        "reset_link",
        addresses.parse(email).deliverable,
        ip=client.ip,
        user_agent=client.user_agent,
        reference=client.reference,
        language=client.language,
        recovery=True,
    )
    restored = change is not None
    audit.record(
        "account.secured",
        client,
        user_id=user.id,
        ended=ended,
        passkeys=passkeys,
        address_restored=restored,
        deletion_undone=kept,
    )
    db.session.commit()
    return email


def _subject(token: str) -> tuple[User, AddressChange | None]:
    """Return the link's user, and the address change that it would undo.

    Raises:
        InvalidToken, TokenExpired, TokenAlreadyUsed: as for `check_link`.
    """
    reference = tokens.read(tokens.NOT_ME, token)
    user = db.session.get(User, reference.id)
    if user is None:
        raise InvalidToken
    if now() - reference.minted_at > LINK_LIFE:
        raise TokenExpired
    if reference.mark == tokens.mark_of(user.email_key):
        _check_not_recovered(user, reference.minted_at, now())
        return user, None
    query = select(AddressChange).where(AddressChange.user_id == user.id, *_is_undoable())
    for change in db.session.scalars(query.order_by(AddressChange.confirmed_at)):
        if reference.mark == tokens.mark_of(change.old_email_key):
            assert change.confirmed_at is not None  # noqa: S101 - a condition of the query
            _check_not_recovered(user, reference.minted_at, change.confirmed_at)
            return user, change
    raise InvalidToken


def _check_not_recovered(user: User, since: datetime, until: datetime) -> None:
    """Refuse if a reset recovered the account while it had the address that the notice went to.

    A later reset proves nothing: its link went to whoever changed the address.

    Raises:
        TokenAlreadyUsed: a reset did.
    """
    # One second later: a link's time is in whole seconds, and the notice of a reset is as old as the reset.
    resets = select(PasswordResetToken.id).where(
        PasswordResetToken.user_id == user.id,
        PasswordResetToken.used_at >= since + timedelta(seconds=1),
        PasswordResetToken.used_at < until,
    )
    if db.session.scalar(resets.limit(1)):
        raise TokenAlreadyUsed


def _reserved() -> Select[str]:
    return select(AddressChange.old_email_key).where(AddressChange.old_email_verified_at.is_not(None), *_is_undoable())


def _is_undoable() -> tuple[ColumnElement[bool], ...]:
    return AddressChange.confirmed_at > now() - LINK_LIFE, AddressChange.undone_at.is_(None)


def _end_access(user: User, change: AddressChange | None) -> tuple[int, int]:
    """Remove password and passkeys, end everything and undo the change of address.

    Returns:
        How many sessions ended, and how many passkeys were removed.

    Raises:
        InvalidToken: the account was changed meanwhile, or another account has the old address by now.
    """
    address: dict[str, Any] = {"email": change.old_email, "email_key": change.old_email_key} if change else {}
    try:
        former = former_passwords.kept_of(user)
        values = {"password_hash": None, "former_password_hashes": former, **address, **users.kept()}
        devices = revocation.change_credentials(user, **values)
    except IntegrityError:  # Another account has the old address.
        devices = None
    if devices is None:
        db.session.rollback()
        raise InvalidToken
    if change:  # Changes that came after it are undone too.
        undoing = update(AddressChange).where(
            AddressChange.user_id == user.id, AddressChange.confirmed_at >= change.confirmed_at
        )
        db.session.execute(undoing.values(undone_at=now()))
    removing = delete(Passkey).where(Passkey.user_id == user.id).returning(Passkey.id)
    return len(devices), len(db.session.scalars(removing).all())
