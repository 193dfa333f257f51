"""After a restore: end what the backup has brought back to life.

A backup holds sessions that were ended since, links that were used and mails that were sent. Nothing tells which, so
all of them end, in one transaction of a few statements, however many accounts there are. Passwords that were replaced
since and passkeys that were removed since open accounts again too; the operator decides whether everybody has to choose
a new password. Authenticator apps and recovery codes are those of the backup: alone they open nothing.
"""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Delete, Update, delete, func, select, update

from chirp_auth import audit
from chirp_auth.accounts.factors import factor_recovery
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.mail import outbox
from chirp_auth.models import (
    AddressChange,
    FactorRecovery,
    KnownDevice,
    OutboxEntry,
    Passkey,
    PasswordResetToken,
    Session,
    User,
)
from chirp_auth.security.client import Client


@dataclass(frozen=True, slots=True)
class Revived:
    """What a restore may have brought back to life, in rows."""

    accounts: int
    sessions: int
    links: int
    mails: int
    devices: int
    address_changes: int
    recoveries: int
    passwords: int
    passkeys: int


def count(*, keep_mail: bool = False, forget_passwords: bool = False) -> Revived:
    """Return what `end_all` would end."""
    return Revived(
        accounts=_count(User),
        sessions=_count(Session, *_OPEN_SESSIONS),
        links=_count(PasswordResetToken, *_OPEN_LINKS),
        mails=0 if keep_mail else _count(OutboxEntry, _UNSENT),
        devices=_count(KnownDevice),
        address_changes=_count(AddressChange, _UNCONFIRMED),
        recoveries=_count(FactorRecovery, *factor_recovery.is_undecided()),
        passwords=_count(User, _HAS_PASSWORD) if forget_passwords else 0,
        passkeys=_count(Passkey) if forget_passwords else 0,
    )


def end_all(client: Client, *, keep_mail: bool = False, forget_passwords: bool = False) -> Revived:
    """End all sessions, links, known browsers, open recoveries and unconfirmed changes of address.

    Every credential version rises.

    Args:
        keep_mail: leave the mails that wait to the worker; else they are cancelled, as most will have been sent.
        forget_passwords: take everybody's password and passkeys away; a reset gives a new password.

    Returns:
        What it ended; `passwords`, `passkeys` and `mails` are 0 where they were left alone.
    """
    # In the order in which others lock these rows: users, mails, sessions, links.
    passwords = _run(update(User).where(_HAS_PASSWORD).values(password_hash=None)) if forget_passwords else 0
    raised = {"credential_version": User.credential_version + 1, "updated_at": now()}
    revived = Revived(
        passwords=passwords,
        accounts=_run(update(User).values(raised)),
        mails=0 if keep_mail else _run(update(OutboxEntry).where(_UNSENT).values(_cancelled(client))),
        sessions=_run(update(Session).where(*_OPEN_SESSIONS).values(revoked_at=now())),
        links=_run(update(PasswordResetToken).where(*_OPEN_LINKS).values(revoked_at=now())),
        devices=_run(delete(KnownDevice)),
        address_changes=_run(delete(AddressChange).where(_UNCONFIRMED)),
        recoveries=_run(update(FactorRecovery).where(*factor_recovery.is_undecided()).values(cancelled_at=now())),
        passkeys=_run(delete(Passkey)) if forget_passwords else 0,
    )
    audit.record("records.restored", client, **asdict(revived))
    db.session.commit()
    return revived


_OPEN_SESSIONS = (Session.revoked_at.is_(None),)
_OPEN_LINKS = (PasswordResetToken.used_at.is_(None), PasswordResetToken.revoked_at.is_(None))
_UNSENT = OutboxEntry.sent_at.is_(None)
_UNCONFIRMED = AddressChange.confirmed_at.is_(None)
_HAS_PASSWORD = User.password_hash.is_not(None)


def _cancelled(client: Client) -> dict[str, Any]:
    over = {"due_at": None, "sent_at": now(), "recipient": outbox.recipient_when_over}
    return {**over, "last_error": f"cancelled after a restore by {client.actor}"}


def _count(model: Any, *which: ColumnElement[bool]) -> int:
    return db.session.scalar(select(func.count()).select_from(model).where(*which)) or 0


def _run(statement: Update | Delete) -> int:
    result: Any = db.session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)
