"""Password reset: ask for a link, and use it.

The request never looks the account up: the worker finds out later whether there is one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import SQLColumnExpression, func, select, update

from chirp_auth import audit
from chirp_auth.accounts import former_passwords, lockout, reset_codes, reset_links, reset_requests, revocation, users
from chirp_auth.audit.vocabulary import outcome_of
from chirp_auth.clock import now
from chirp_auth.errors import (
    AuthError,
    InvalidToken,
    LinkReplaced,
    PasswordMismatch,
    PasswordTooWeak,
    TokenAlreadyUsed,
    TokenExpired,
)
from chirp_auth.extensions import db
from chirp_auth.mail import outbox
from chirp_auth.models import OutboxEntry, PasswordResetToken, SecurityEvent, User
from chirp_auth.security import passwords
from chirp_auth.security.client import Client

NOTED_ONCE_IN = timedelta(hours=1)  # Typing mistakes of one kind, for one account.


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """The result of a reset; `devices` are, in words, those of the sessions that it ended."""

    user: User
    devices: list[str]

    @property
    def ended_sessions(self) -> int:
        return len(self.devices)


def request_link(email: str, client: Client, code_challenge: str | None = None) -> None:
    """Promise a reset link to the account with this address, if there is one; the same work for every address.

    With the digest of a secret that the browser or app keeps, the mail has a code, too (see `reset_codes`).

    Raises:
        InvalidEmail: the address is not an address.
    """
    reset_requests.promise(email, client, code_challenge)
    db.session.commit()


def renew_link(token: str, client: Client, code_challenge: str | None = None) -> str:
    """Promise a new link in place of a genuine one that expired or was replaced; return the address it goes to.

    Raises:
        InvalidToken: not one of our links, or mailed to an address that the account has left.
    """
    email = reset_links.genuine(token).user.email
    request_link(email, client, code_challenge)
    return email


def reset_password(token: str, password: str, confirmation: str, client: Client) -> PasswordReset:
    """Give the link's user a new password, end all their sessions and void all their links.

    Nobody is signed in by it (OWASP Forgot Password Cheat Sheet).

    Raises:
        InvalidToken, TokenExpired, TokenAlreadyUsed: the link cannot be used; of concurrent uses one wins.
        PasswordMismatch, PasswordTooWeak: the link stays valid.
        ServiceBusy: too many hashes are under way; likewise.
    """
    with _refusal_on_record(client):
        link = reset_links.check_link(token)
    return use_link(link, password, confirmation, client)


def reset_by_code(
    email: str, code: str, verifier: str, password: str, confirmation: str, client: Client
) -> PasswordReset:
    """Do as `reset_password` with the code that the mail has beside the link, and the secret of whoever asked for it.

    Raises:
        as `reset_password` does, and InvalidEmail.
    """
    return use_link(check_code(email, code, verifier, client), password, confirmation, client)


def check_code(email: str, code: str, verifier: str, client: Client) -> PasswordResetToken:
    """Return the link whose code this is, for `use_link`; a wrong one is counted and on record.

    Raises:
        as `reset_codes.check_code` does.
    """
    with _refusal_on_record(client):
        return reset_codes.check_code(email, code, verifier)


def use_link(link: PasswordResetToken, password: str, confirmation: str, client: Client) -> PasswordReset:
    """Do as `reset_password` with a link that `reset_links.check_link` has just returned.

    Raises:
        as `reset_password` does: the link may have been used or replaced since.
    """
    with _refusal_on_record(client, link.user_id):
        return _reset(link, password, confirmation, client)


@contextmanager
def _refusal_on_record(client: Client, user_id: UUID | None = None) -> Iterator[None]:
    try:
        yield
    except (InvalidToken, TokenExpired, TokenAlreadyUsed, PasswordMismatch, PasswordTooWeak) as error:
        if not (user_id and isinstance(error, PasswordMismatch | PasswordTooWeak) and _is_noted(error, user_id)):
            audit.record("password_reset.refused", client, outcome=outcome_of(error), user_id=user_id)
        db.session.commit()
        raise


def _is_noted(error: AuthError, user_id: UUID) -> bool:
    """Say whether a refusal like this is on record lately: no limit counts typing mistakes, so rows would pile up."""
    query = select(SecurityEvent.id).where(
        SecurityEvent.user_id == user_id,
        SecurityEvent.kind == "password_reset.refused",
        SecurityEvent.outcome == outcome_of(error),
        SecurityEvent.at > now() - NOTED_ONCE_IN,
    )
    return db.session.scalar(query.limit(1)) is not None


def _reset(link: PasswordResetToken, password: str, confirmation: str, client: Client) -> PasswordReset:
    passwords.confirm(password, confirmation)
    user = link.user
    passwords.check(password, (user.email, user.first_name, user.last_name))
    db.session.commit()  # End the read: no transaction stays open while a hash is computed.
    former_passwords.check(user, password, client)
    password_hash = passwords.hash_new(password, client)

    # Whoever was invited chooses a first password, and resets nothing.
    notice = "password_changed" if user.password_changed_at else "password_chosen"
    devices = _redeem(link, password_hash)
    ended = len(devices)
    users.use_language(user, client.language)
    audit.record("password_reset.done", client, user_id=user.id, email_key=user.email_key, ended=ended)
    outbox.put(notice, user.email, user.id, ended=ended, ip=client.ip, user_agent=client.user_agent)
    db.session.commit()
    return PasswordReset(user, devices)


def _verified_at(link: PasswordResetToken) -> SQLColumnExpression[datetime | None]:
    """Return since when the address counts as confirmed: using a link that was mailed there confirms it."""
    was_mailed = db.session.get(OutboxEntry, link.id) is not None  # An operator's link has no outbox entry.
    return func.coalesce(User.email_verified_at, now()) if was_mailed else User.email_verified_at


def _redeem(link: PasswordResetToken, password_hash: str) -> list[str]:
    """Mark the link used and set the password, or refuse: the database decides which request was first."""
    # The user's row is locked first, as in every change: concurrent changes wait there and cannot deadlock.
    db.session.execute(select(User.id).where(User.id == link.user_id).with_for_update())
    spending = (
        update(PasswordResetToken)
        .where(
            PasswordResetToken.id == link.id,
            PasswordResetToken.used_at.is_(None),
            PasswordResetToken.revoked_at.is_(None),
        )
        .values(used_at=now())
        .returning(PasswordResetToken.id)
    )
    devices = None
    if db.session.scalar(spending):
        devices = revocation.change_credentials(
            link.user,
            password_hash=password_hash,
            former_password_hashes=None,
            password_changed_at=now(),
            password_reset_at=now(),
            password_reset_count=User.password_reset_count + 1,
            email_verified_at=_verified_at(link),
            confirm_before=None,  # The owner received the mail, or an operator has identified them.
            **lockout.CLEARED,
        )
    if devices is None:
        db.session.rollback()
        db.session.refresh(link)
        raise TokenAlreadyUsed if link.used_at else LinkReplaced
    return devices
