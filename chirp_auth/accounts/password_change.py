"""Password change: set a new password with the present one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from chirp_auth import audit
from chirp_auth.accounts import (
    account_recovery,
    addresses,
    former_passwords,
    lockout,
    owner_mails,
    policy,
    revocation,
    sessions,
    users,
)
from chirp_auth.accounts.factors import fresh_proof, second_factor
from chirp_auth.audit.vocabulary import Outcome, outcome_of
from chirp_auth.clock import now
from chirp_auth.errors import InvalidCredentials, PasswordMismatch, PasswordTooWeak, Unauthenticated, UserNotFound
from chirp_auth.extensions import db, settings
from chirp_auth.mail import outbox
from chirp_auth.mail.rendering import Email
from chirp_auth.models import OutboxEntry, Session, User
from chirp_auth.security import passwords
from chirp_auth.security.client import Client, shortened


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """The result of a change: the session that made it, with its new id, and how many others ended."""

    session: Session
    ended_sessions: int


def change_password(session: Session, current: str, password: str, confirmation: str, client: Client) -> PasswordChange:
    """Change the signed-in user's password; this session gets a new id, all others end.

    Whoever has no password yet sets a first one: `current` then says nothing.

    Raises:
        FreshProofRequired: see `policy`; nothing was checked.
        PasswordMismatch, PasswordTooWeak: nothing changed.
        InvalidCredentials: the current password is wrong; counted like a failed sign-in.
        Unauthenticated: the session was ended meanwhile; nothing changed.
        ServiceBusy: too many hashes are under way.
    """
    user = session.user
    policy.require(policy.Act.CHANGE_PASSWORD, session)
    with _refusal_on_record(client, user.email_key, user.id):
        passwords.confirm(password, confirmation)
        _check_new(user, current, password)
    fresh_proof.show_password(policy.Act.CHANGE_PASSWORD, session, current, client, "password.changed")
    ended = _replace(user, password, client, keep=session.id)
    try:
        renewed = sessions.renew(session)
    except Unauthenticated:
        _record_refusal(user, client, "session_ended")
        raise
    db.session.commit()
    return PasswordChange(renewed, ended)


def change_password_by_email(email: str, current: str, password: str, client: Client) -> User:
    """Change a password without a session, by address and old password; all sessions end.

    Raises:
        InvalidEmail, PasswordTooWeak: nothing was looked up.
        UserNotFound: no such account; where accounts are concealed InvalidCredentials, in the same time.
        InvalidCredentials: the old password is wrong, or the account asks for a second factor, which this way cannot
            show; counted like a failed sign-in.
        ServiceBusy: too many hashes are under way.
    """
    address = addresses.parse(email)
    with _refusal_on_record(client, address.key):
        passwords.check(password, (address.typed,))
    user = users.find(address.key)
    if user is None and not settings.conceal_accounts:
        audit.record("password.changed", client, outcome="no_account", email_key=address.key)
        db.session.commit()
        raise UserNotFound
    user = lockout.authenticate(user, current, client, "password.changed", address.key)
    if second_factor.is_on(user.id):
        lockout.refuse_password_alone(user, client, "password.changed")
    with _refusal_on_record(client, address.key, user.id):
        _check_new(user, current, password)
    _replace(user, password, client)
    db.session.commit()
    return user


def compose_confirmation(entry: OutboxEntry) -> Email:
    """Tell the owner that their password was changed or first chosen: when, from where, how many sessions ended."""
    return owner_mails.compose(
        entry,
        user_agent=entry.params.get("user_agent"),
        ip=shortened(entry.params.get("ip")),
        ended=entry.params.get("ended", 0),
        life=account_recovery.LINK_LIFE,
        not_me_link=account_recovery.link(entry),
    )


@contextmanager
def _refusal_on_record(client: Client, email_key: str, user_id: UUID | None = None) -> Iterator[None]:
    try:
        yield
    except (PasswordMismatch, PasswordTooWeak) as refusal:
        outcome = outcome_of(refusal)
        audit.record("password.changed", client, outcome=outcome, user_id=user_id, email_key=email_key)
        db.session.commit()
        raise


def _check_new(user: User, current: str, password: str) -> None:
    passwords.check(password, (user.email, user.first_name, user.last_name))
    if user.password_hash is not None and passwords.are_same(password, current):
        raise PasswordTooWeak(former_passwords.PRESENT)


def _replace(user: User, password: str, client: Client, keep: UUID | None = None) -> int:
    """Add the change to the transaction; return how many sessions it ends."""
    password_hash = passwords.hash_new(password, client)
    devices = revocation.change_credentials(
        user,
        keep=keep,
        password_hash=password_hash,
        former_password_hashes=former_passwords.kept_of(user),
        password_changed_at=now(),
        **lockout.CLEARED,
    )
    if devices is None:  # The account was changed since the old password was verified.
        _record_refusal(user, client, "replaced")
        raise InvalidCredentials
    ended = len(devices)
    users.use_language(user, client.language)
    audit.record("password.changed", client, user_id=user.id, ended=ended)
    outbox.put("password_changed", user.email, user.id, ended=ended, ip=client.ip, user_agent=client.user_agent)
    return ended


def _record_refusal(user: User, client: Client, outcome: Outcome) -> None:
    db.session.rollback()
    audit.record("password.changed", client, outcome=outcome, user_id=user.id, email_key=user.email_key)
    db.session.commit()
