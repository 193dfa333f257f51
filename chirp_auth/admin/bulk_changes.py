"""What operators do to many accounts in one transaction: lock them, end their sessions, void their links.

Each change leaves accounts alone that are as wanted already, and records an event for every other one: what was
stopped half-way is simply repeated. The caller commits.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, select, update

from chirp_auth import audit
from chirp_auth.accounts import revocation
from chirp_auth.accounts.users import is_locked_by_operator
from chirp_auth.admin import accounts, support_links
from chirp_auth.audit.vocabulary import Kind
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.mail import outbox
from chirp_auth.models import OutboxEntry, PasswordResetToken, Session, User
from chirp_auth.rows import locked_in_order
from chirp_auth.security.client import Client

Users = Mapping[UUID, User]
Changes = dict[UUID, dict[str, int]]  # For each account that changes: how many of its things, by name.


@dataclass(frozen=True, slots=True)
class BulkChange:
    """A change of many accounts; `count` returns what `make` would do."""

    count: Callable[[Users], Changes]
    make: Callable[[Users, Client], Changes]


def locking(reason: str | None = None, *, tell: bool = False) -> BulkChange:
    """Return the change that locks accounts, with `reason` and `tell` as in `accounts.lock`."""

    def make(users: Users, client: Client) -> Changes:
        unlocked = locked_in_order(User, User.id.in_(list(users)), ~is_locked_by_operator())
        values = {"disabled_at": now(), "credential_version": User.credential_version + 1, "updated_at": now()}
        locked = db.session.scalars(update(User).where(unlocked).values(**values).returning(User.id)).all()
        ended = _end_sessions(locked)
        revocation.revoke_links(*locked)
        for user_id in locked if tell else ():
            outbox.put("account_state", users[user_id].email, user_id, locked=True)
        return _recorded("user.locked", users, _per_user(locked, ended=ended), client, reason=reason)

    return BulkChange(_count_unlocked, make)


def ending_sessions() -> BulkChange:
    """Return the change that ends all sessions of accounts."""

    def make(users: Users, client: Client) -> Changes:
        ended = _end_sessions(users)
        return _recorded("session.ended_all", users, _per_user(ended, ended=ended), client)

    return BulkChange(_count_sessions, make)


def voiding_links() -> BulkChange:
    """Return the change that voids the reset links of accounts, and cancels the mails that would bring one."""

    def make(users: Users, client: Client) -> Changes:
        # The mails first, as in `support_links.revoke_links`.
        cancelled = _by_user(support_links.cancel_promised(support_links.promised(users.values()), client), users)
        usable = locked_in_order(PasswordResetToken, *support_links.usable_links(users))
        voiding = update(PasswordResetToken).where(usable).values(revoked_at=now())
        voided = Counter(db.session.scalars(voiding.returning(PasswordResetToken.user_id)))
        changes = _per_user([*voided, *cancelled], voided=voided, cancelled=cancelled)
        return _recorded("password_reset.links_voided", users, changes, client)

    return BulkChange(_count_links, make)


def _count_unlocked(users: Users) -> Changes:
    open_or_waiting = select(User.id).where(User.id.in_(list(users)), ~is_locked_by_operator())
    unlocked = db.session.scalars(open_or_waiting).all()
    return _per_user(unlocked, ended=_count(Session.user_id, accounts.open_sessions(unlocked)))


def _count_sessions(users: Users) -> Changes:
    ended = _count(Session.user_id, accounts.open_sessions(users))
    return _per_user(ended, ended=ended)


def _count_links(users: Users) -> Changes:
    promised = select(OutboxEntry.user_id, OutboxEntry.recipient).where(support_links.promised(users.values()))
    cancelled = _by_user(db.session.execute(promised).all(), users)
    voided = _count(PasswordResetToken.user_id, support_links.usable_links(users))
    return _per_user([*voided, *cancelled], voided=voided, cancelled=cancelled)


def _end_sessions(user_ids: Collection[UUID]) -> Counter[UUID]:
    open_ones = locked_in_order(Session, *accounts.open_sessions(user_ids))
    ending = update(Session).where(open_ones).values(revoked_at=now()).returning(Session.user_id)
    return Counter(db.session.scalars(ending))


def _count(by: Any, which: Iterable[ColumnElement[bool]]) -> Counter[UUID]:
    counting = select(by, func.count()).where(*which).group_by(by)
    return Counter(dict(db.session.execute(counting).all()))


def _by_user(mails: Iterable[Row[UUID | None, str]], users: Users) -> Counter[UUID]:
    """Count mails by account. A promised reset link names its recipient alone."""
    by_key = {user.email_key: user_id for user_id, user in users.items()}
    return Counter(mail.user_id if mail.user_id in users else by_key[mail.recipient.lower()] for mail in mails)


def _per_user(user_ids: Iterable[UUID], **counts: Counter[UUID]) -> Changes:
    return {user_id: {name: count[user_id] for name, count in counts.items()} for user_id in user_ids}


def _recorded(kind: Kind, users: Users, changes: Changes, client: Client, **detail: Any) -> Changes:
    subjects = [(user_id, users[user_id].email_key, {**detail, **counts}) for user_id, counts in changes.items()]
    audit.record_all(kind, client, subjects)
    return changes
