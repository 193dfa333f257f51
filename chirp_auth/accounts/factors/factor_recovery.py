"""Delayed recovery: the way back for whoever lost the second factors, and the time in which the owner can stop it.

Whoever has a genuine reset link, or has just shown the password, may start it. After RECOVERY_DELAY the second factors
are off (see `factor_recovery_end`). Until then the owner is told each day by mail and on every page of the account, and
one button stops it. Any change of the account's credentials ends it, too.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select, update

from chirp_auth import audit
from chirp_auth.accounts import reset_links, reset_refusals
from chirp_auth.accounts.factors import second_factor
from chirp_auth.audit.vocabulary import outcome_of
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken, NotFound, TokenAlreadyUsed, TokenExpired
from chirp_auth.extensions import db, settings
from chirp_auth.languages import Sentence
from chirp_auth.mail import outbox
from chirp_auth.models import FactorRecovery, User
from chirp_auth.security import tokens
from chirp_auth.security.client import Client

Proof = Literal["link", "password"]  # What whoever started it has shown.

NOTHING_LOST = Sentence("This account asks for no second factor.")


def start_by_link(token: str, client: Client) -> datetime:
    """Do as `start` for whoever has a reset link; the link stays as it is.

    Raises:
        InvalidToken, TokenExpired, TokenAlreadyUsed: the link cannot be used; the refusal is recorded.
        NotFound: as for `start`.
    """
    with reset_refusals.on_record(client):
        user = reset_links.check_link(token).user
        return start(user, client, proved="link")


def start(user: User, client: Client, *, proved: Proof) -> datetime:
    """Start a recovery, and tell the owner; return when the second factors will be off.

    Where one is open nothing changes, and its time is returned.

    Raises:
        NotFound: the account asks for no second factor.
        InvalidToken: the account was changed since it was read.
    """
    if not can_start(user):
        raise NotFound(NOTHING_LOST)
    if not _lock(user):
        raise InvalidToken
    present = open_of(user.id)
    if present:
        db.session.commit()
        return present.due_at
    started_at = now()
    recovery = FactorRecovery(
        user=user,
        credential_version=user.credential_version,
        started_at=started_at,
        due_at=started_at + settings.recovery_delay,
        told_at=started_at,
        ip=client.ip,
        user_agent=client.user_agent,
    )
    db.session.add(recovery)
    db.session.flush()
    audit.record("factor_recovery.started", client, user_id=user.id, email_key=user.email_key, proved=proved)
    outbox.put("factor_recovery", user.email, user.id, recovery=str(recovery.id))
    db.session.commit()
    return recovery.due_at


def can_start(user: User) -> bool:
    """Say whether there is a second factor that can have been lost."""
    return second_factor.is_on(user.id)


def open_of(user_id: UUID) -> FactorRecovery | None:
    """Return the user's open recovery, if there is one."""
    query = select(FactorRecovery).join(User).where(FactorRecovery.user_id == user_id, is_open())
    recovery: FactorRecovery | None = db.session.scalar(query)
    return recovery


def is_open() -> ColumnElement[bool]:
    """Return the condition for recoveries, joined with their users, that may still come to their end."""
    return and_(*is_undecided(), FactorRecovery.credential_version == User.credential_version)


def is_undecided() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for recoveries that are neither cancelled nor done."""
    return FactorRecovery.cancelled_at.is_(None), FactorRecovery.done_at.is_(None)


def cancel(user: User, client: Client, reason: str | None = None) -> bool:
    """Cancel the user's open recovery for somebody who is signed in, or an operator; say whether there was one."""
    recovery = open_of(user.id)
    cancelled = recovery is not None and _cancel(recovery, client, reason)
    db.session.commit()
    return cancelled


def cancel_by_link(token: str, client: Client) -> User:
    """Cancel a recovery by the link in its mails; return whose it was.

    Raises:
        InvalidToken, TokenExpired, TokenAlreadyUsed: as for `check_link`; the refusal is recorded.
    """
    try:
        recovery = check_link(token)
        if not _cancel(recovery, client):  # Another request, or its end, was first.
            db.session.rollback()
            check_link(token)
            raise TokenAlreadyUsed
    except (InvalidToken, TokenExpired, TokenAlreadyUsed) as refusal:
        db.session.rollback()
        audit.record("factor_recovery.cancelled", client, outcome=outcome_of(refusal))
        db.session.commit()
        raise
    db.session.commit()
    return recovery.user


def check_link(token: str) -> FactorRecovery:
    """Return the open recovery that the link of a mail would cancel. Changes nothing.

    Raises:
        InvalidToken: not one of our links, or the account has another address by now.
        TokenExpired: too late: the second factors are off.
        TokenAlreadyUsed: it was cancelled, or died with a change of the account.
    """
    reference = tokens.read(tokens.FACTOR_RECOVERY, token)
    recovery = db.session.get(FactorRecovery, reference.id, populate_existing=True)
    if recovery is None or reference.mark != tokens.mark_of(recovery.user.email_key):
        raise InvalidToken
    if recovery.done_at:
        raise TokenExpired
    if recovery.cancelled_at or recovery.credential_version != recovery.user.credential_version:
        raise TokenAlreadyUsed
    return recovery


def cancel_link(recovery: FactorRecovery) -> str:
    """Return the link for the mails about a recovery: it can do nothing but cancel this one."""
    mark = tokens.mark_of(recovery.user.email_key)
    token = tokens.mint(tokens.FACTOR_RECOVERY, recovery.id, recovery.started_at, mark)
    return f"{settings.public_url}/cancel-recovery?token={token}"


def _lock(user: User) -> bool:
    """Lock the user's row in the caller's transaction; say whether it is as it was read. SQLite locks by an UPDATE."""
    db.session.commit()  # End the read.
    locking = update(User).where(
        User.id == user.id, User.credential_version == user.credential_version, User.disabled_at.is_(None)
    )
    return db.session.scalar(locking.values(updated_at=User.updated_at).returning(User.id)) is not None


def _cancel(recovery: FactorRecovery, client: Client, reason: str | None = None) -> bool:
    cancelling = update(FactorRecovery).where(FactorRecovery.id == recovery.id, *is_undecided())
    if db.session.scalar(cancelling.values(cancelled_at=now()).returning(FactorRecovery.id)) is None:
        return False
    user = recovery.user
    detail: dict[str, Any] = {"reason": reason} if reason else {}
    audit.record("factor_recovery.cancelled", client, user_id=user.id, email_key=user.email_key, **detail)
    return True
