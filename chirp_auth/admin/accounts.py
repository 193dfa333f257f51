"""What operators do to an account: lock, unlock, delete, change its address, end its sessions."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.exc import IntegrityError

from chirp_auth import audit
from chirp_auth.accounts import account_recovery, addresses, erasure, lockout, revocation
from chirp_auth.clock import now
from chirp_auth.errors import EmailReserved, EmailTaken, ServiceBusy, UserNotFound
from chirp_auth.extensions import db, settings
from chirp_auth.mail import mailbox, outbox
from chirp_auth.models import AddressChange, AuthenticatorApp, Session, User
from chirp_auth.rows import locked_in_order
from chirp_auth.security.client import Client

ATTEMPTS = 5


def lock(user: User, reason: str | None, client: Client, *, tell: bool = False) -> int:
    """Lock the account: no sign-in, sessions end, links are void. Return how many sessions ended.

    `tell` mails the owner, without the reason, which is for the audit trail.

    Raises:
        ServiceBusy: others kept changing the account at the same moment.
    """
    # An account that only waits for its deletion gets a moment of its own: undoing that must not unlock it.
    waits_only = user.disabled_at == user.deletion_requested_at
    ended = replace(user, disabled_at=now() if waits_only else user.disabled_at or now())
    audit.record("user.locked", client, user_id=user.id, email_key=user.email_key, reason=reason, ended=ended)
    if tell:
        outbox.put("account_state", user.email, user.id, locked=True)
    db.session.commit()
    return ended


def unlock(user: User, reason: str | None, client: Client, *, tell: bool = False) -> None:
    """Unlock the account, cancel a deletion that its owner asked for, and clear failed sign-ins and their delay.

    `tell` mails the owner.
    """
    cancelling = update(User).where(User.id == user.id, User.deletion_requested_at.is_not(None))
    cancelled = db.session.scalar(cancelling.values(deletion_requested_at=None).returning(User.id))
    statement = update(User).where(User.id == user.id).values(disabled_at=None, updated_at=now(), **lockout.CLEARED)
    db.session.execute(statement, execution_options={"synchronize_session": False})
    guessed = update(AuthenticatorApp).where(AuthenticatorApp.user_id == user.id)
    db.session.execute(guessed.values(**lockout.CLEARED))
    if cancelled:
        audit.record("deletion.undone", client, user_id=user.id, email_key=user.email_key, reason=reason)
    audit.record("user.unlocked", client, user_id=user.id, email_key=user.email_key, reason=reason)
    if tell:
        outbox.put("account_state", user.email, user.id, locked=False)
    db.session.commit()


def delete(user: User, client: Client) -> None:
    """Delete the account, erase its addresses, and mail the owner; that mail's recipient is erased once it is sent.

    Raises:
        UserNotFound: somebody else deleted it first.
    """
    recipient, language = addresses.parse(user.email).deliverable, user.locale
    erased = erasure.erase(user, client)
    if erased is None:
        db.session.rollback()
        raise UserNotFound
    outbox.put(outbox.FORGETS_RECIPIENT, recipient, language=language)
    db.session.commit()
    if settings.has_dev_mailbox:
        mailbox.forget(erased)


def set_email(user: User, email: str, client: Client, *, undoable: bool = True) -> int:
    """Change the address: sessions and links end, the new address is asked to confirm, the old one is notified.

    For seven days the old address can undo the change (see `account_recovery`), unless it is not `undoable`: its
    mailbox may be the thief's.

    Returns:
        How many sessions ended.

    Raises:
        InvalidEmail: the address is not an address.
        EmailTaken: another account has it.
        EmailReserved: another account has left it and may still come back to it.
        ServiceBusy: others kept changing the account at the same moment.
    """
    address = addresses.parse(email)
    change = AddressChange(
        id=uuid4(),
        user_id=user.id,
        credential_version=user.credential_version,
        old_email=user.email,
        old_email_key=user.email_key,
        new_email=address.typed,
        new_email_key=address.key,
        confirmed_at=now(),
        old_email_verified_at=user.email_verified_at,
    )
    # An account that an operator changed does not expire.
    address_values = {"email": address.typed, "email_key": address.key, "email_verified_at": None}
    try:
        ended = replace(user, **address_values, confirm_before=None)
    except IntegrityError:
        db.session.rollback()
        raise EmailTaken from None
    if account_recovery.is_reserved(address.key, but_for=user.id):
        db.session.rollback()
        raise EmailReserved
    outbox.put("email_verification", address.deliverable, user.id)
    if undoable:
        db.session.add(change)
        outbox.put("address_changed", change.old_email, user.id, change=str(change.id), by_support=True)
    else:
        outbox.put("address_replaced", change.old_email, user.id)
    audit.record("email.changed", client, user_id=user.id, email_key=address.key, ended=ended)
    db.session.commit()
    db.session.refresh(user)
    return ended


def owner_of_session(session_id: UUID) -> User | None:
    """Return whose session that is; None if there is none with that id which neither ended nor expired."""
    query = select(User).join(Session).where(Session.id == session_id, *open_sessions(None))
    user: User | None = db.session.scalar(query)
    return user


def living_sessions(user: User | None) -> int:
    """Return how many sessions `end_sessions` would end."""
    return db.session.scalar(select(func.count()).select_from(Session).where(*_open_sessions_of(user))) or 0


def end_sessions(user: User | None, client: Client) -> int:
    """End all sessions of the user, or everybody's; return how many that were."""
    open_ones = locked_in_order(Session, *_open_sessions_of(user))
    result: Any = db.session.execute(update(Session).where(open_ones).values(revoked_at=now()))
    user_id, email_key = (user.id, user.email_key) if user else (None, None)
    audit.record("session.ended_all", client, user_id=user_id, email_key=email_key, ended=result.rowcount)
    db.session.commit()
    return int(result.rowcount)


def open_sessions(user_ids: Iterable[UUID] | None) -> list[ColumnElement[bool]]:
    """Return the conditions for sessions, of these users or of everybody, that neither ended nor expired."""
    conditions = [Session.revoked_at.is_(None), Session.expires_at > now()]
    return conditions if user_ids is None else [*conditions, Session.user_id.in_(list(user_ids))]


def _open_sessions_of(user: User | None) -> list[ColumnElement[bool]]:
    return open_sessions([user.id] if user else None)


def replace(user: User, **values: Any) -> int:
    """Write values to the user in the caller's transaction, and end all sessions and links; return how many sessions.

    Raises:
        ServiceBusy: others kept changing the account at the same moment.
    """
    for _ in range(ATTEMPTS):
        ended = revocation.change_credentials(user, **values)
        if ended is not None:
            return len(ended)
        db.session.rollback()
        db.session.refresh(user)
    raise ServiceBusy
