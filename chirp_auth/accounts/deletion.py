"""Deletion by the owner: asked for with the password, done after seven days, until then undone by a mailed link.

At once the account is disabled: sessions and links end, and a sign-in is refused like a wrong password. Its address
stays taken. The undo is in `deletion_undo`. A registration that nobody confirmed has no mailbox that may undo it, and
must not keep the mailbox's owner from the address: it loses its password and stays open to whoever confirms it until
it expires, as it does anyway (see `admin.retention`); nobody is written to.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_

from chirp_auth import audit
from chirp_auth.accounts import account_recovery, addresses, erasure, owner_mails, policy, revocation, sessions
from chirp_auth.accounts.factors import fresh_proof
from chirp_auth.audit.vocabulary import Outcome
from chirp_auth.clock import now
from chirp_auth.errors import InvalidCredentials, Unauthenticated
from chirp_auth.extensions import db, settings
from chirp_auth.mail import outbox
from chirp_auth.mail.rendering import Email, NotSent
from chirp_auth.models import OutboxEntry, Session, User
from chirp_auth.security import tokens
from chirp_auth.security.client import Client, shortened

UNDOABLE_FOR = timedelta(days=7)


def request(session: Session, password: str, client: Client) -> datetime:
    """Disable the account, end everything, and mail the link that undoes it; return when the account is deleted.

    Raises:
        FreshProofRequired: see `policy`.
        InvalidCredentials: the password is wrong (counted like a failed sign-in), or was changed meanwhile.
        Unauthenticated: the session was ended meanwhile; nothing changed.
        ServiceBusy: too many hashes are under way.
    """
    user = session.user
    fresh_proof.show_password(policy.Act.DELETE_ACCOUNT, session, password, client, "deletion.requested")
    if user.confirm_before and not user.email_verified_at:
        deleted_at = user.confirm_before
        _end_access(session, client, password_hash=None, former_password_hashes=None)
        db.session.commit()
        return deleted_at
    requested_at = now()
    _end_access(session, client, disabled_at=requested_at, deletion_requested_at=requested_at)
    outbox.put(
        "deletion_requested",
        user.email,
        user.id,
        requested_at=requested_at.isoformat(),
        ip=client.ip,
        user_agent=client.user_agent,
    )
    db.session.commit()
    return requested_at + UNDOABLE_FOR


def due_at(user: User) -> datetime | None:
    """Return when the account is deleted, if its owner has asked for it."""
    return user.deletion_requested_at + UNDOABLE_FOR if user.deletion_requested_at and user.disabled_at else None


def is_undone_by_link(user: User) -> bool:
    """Say whether a mailed link can undo it: only the mailbox of a confirmed address gets one."""
    return user.email_verified_at is not None


def is_due() -> ColumnElement[bool]:
    """Return the condition for accounts whose seven days are over."""
    # The release before this one unlocks without cancelling.
    return and_(User.deletion_requested_at <= now() - UNDOABLE_FOR, User.disabled_at.is_not(None))


def compose_notice(entry: OutboxEntry) -> Email:
    """Tell the owner when the account will be deleted; a mailbox that was confirmed gets the link that undoes it.

    Raises:
        NotSent: it was undone since, or the account has another address by now: then this mailbox may not undo it.
    """
    user = db.session.get(User, entry.user_id, populate_existing=True)
    requested_at = datetime.fromisoformat(entry.params["requested_at"])
    address = addresses.parse(entry.recipient)
    if user is None or user.email_key != address.key:
        raise NotSent("no account")
    if user.deletion_requested_at != requested_at:
        raise NotSent("undone")
    token = tokens.mint(tokens.DELETION_UNDO, user.id, requested_at, tokens.mark_of(user.email_key))
    return owner_mails.compose(
        entry,
        deleted_at=requested_at + UNDOABLE_FOR,
        link=f"{settings.public_url}/undo-deletion?token={token}" if is_undone_by_link(user) else None,
        user_agent=entry.params.get("user_agent"),
        ip=shortened(entry.params.get("ip")),
        not_me_link=account_recovery.link(entry),
    )


def erase_if_due(user: User, client: Client) -> Collection[str] | None:
    """Add the erasure of the account to the transaction, with a last mail, unless it was undone meanwhile.

    Returns:
        The lookup forms of the erased addresses; None if nothing was done.
    """
    recipient, language = addresses.parse(user.email).deliverable, user.locale
    erased = erasure.erase(user, client, is_due(), reason="asked for by its owner")
    if erased is not None:
        outbox.put(outbox.FORGETS_RECIPIENT, recipient, by_owner=True, language=language)
    return erased


def _end_access(session: Session, client: Client, **values: Any) -> None:
    """Add the request with these values of the account to the transaction; the session that made it ends last.

    Raises:
        InvalidCredentials, Unauthenticated: as for `request`; the refusal is recorded.
    """
    user = session.user
    devices = revocation.change_credentials(user, keep=session.id, **values)
    if devices is None:  # The account was changed since the password was verified.
        _record_refusal(user, client, "replaced")
        raise InvalidCredentials
    try:
        sessions.spend(session)
    except Unauthenticated:
        _record_refusal(user, client, "session_ended")
        raise
    audit.record("deletion.requested", client, user_id=user.id, email_key=user.email_key, ended=len(devices) + 1)


def _record_refusal(user: User, client: Client, outcome: Outcome) -> None:
    user_id, email_key = user.id, user.email_key
    db.session.rollback()
    audit.record("deletion.requested", client, outcome=outcome, user_id=user_id, email_key=email_key)
    db.session.commit()
