"""Password reset: ask for a link, and use it.

The request never looks the account up: the worker finds out later whether there is one.
An account that asks for a second factor asks for it here too: a mailed link or code proves the mailbox alone.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import SQLColumnExpression, func, select, update

from chirp_auth import audit
from chirp_auth.accounts import (
    former_passwords,
    lockout,
    reset_codes,
    reset_links,
    reset_refusals,
    reset_requests,
    revocation,
    users,
)
from chirp_auth.accounts.factors import second_factor
from chirp_auth.clock import now
from chirp_auth.errors import LinkReplaced, SecondFactorRequired, TokenAlreadyUsed
from chirp_auth.extensions import db
from chirp_auth.mail import outbox
from chirp_auth.models import OutboxEntry, PasswordResetToken, User
from chirp_auth.security import passwords
from chirp_auth.security.client import Client


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
    if db.session.registry.has():
        db.session.commit()  # End a read: no transaction stays open while we wait for the commit that others share.
    reset_requests.promise(email, client, code_challenge)


def renew_link(token: str, client: Client, code_challenge: str | None = None) -> str:
    """Promise a new link in place of a genuine one that expired or was replaced; return the address it goes to.

    Raises:
        InvalidToken: not one of our links, or mailed to an address that the account has left.
    """
    email = reset_links.genuine(token).user.email
    request_link(email, client, code_challenge)
    return email


def reset_password(
    token: str, password: str, confirmation: str, client: Client, factor: str | None = None
) -> PasswordReset:
    """Give the link's user a new password, end all their sessions and void all their links.

    Nobody is signed in by it (OWASP Forgot Password Cheat Sheet). `factor` is what was typed for the second factor,
    where the account asks for one: the app's code or a recovery code. Only a reset that is done spends it.

    Raises:
        InvalidToken, TokenExpired, TokenAlreadyUsed: the link cannot be used; of concurrent uses one wins.
        PasswordMismatch, PasswordTooWeak: the link stays valid.
        SecondFactorRequired, WrongSecondFactor: likewise; a wrong one counts like a failed sign-in.
        ServiceBusy: too many hashes are under way; likewise.
    """
    with reset_refusals.on_record(client):
        link = reset_links.check_link(token)
    return use_link(link, password, confirmation, client, factor)


def reset_by_code(
    email: str,
    code: str,
    verifier: str,
    password: str,
    confirmation: str,
    client: Client,
    factor: str | None = None,
) -> PasswordReset:
    """Do as `reset_password` with the code that the mail has beside the link, and the secret of whoever asked for it.

    Raises:
        as `reset_password` does, and InvalidEmail.
    """
    return use_link(check_code(email, code, verifier, client), password, confirmation, client, factor)


def check_code(email: str, code: str, verifier: str, client: Client) -> PasswordResetToken:
    """Return the link whose code this is, for `use_link`; a wrong one is counted and on record.

    Raises:
        as `reset_codes.check_code` does.
    """
    with reset_refusals.on_record(client):
        return reset_codes.check_code(email, code, verifier)


def use_link(
    link: PasswordResetToken, password: str, confirmation: str, client: Client, factor: str | None = None
) -> PasswordReset:
    """Do as `reset_password` with a link that `reset_links.check_link` has just returned.

    Raises:
        as `reset_password` does: the link may have been used or replaced since.
    """
    with reset_refusals.on_record(client, link.user_id):
        return _reset(link, password, confirmation, client, factor)


def _reset(
    link: PasswordResetToken, password: str, confirmation: str, client: Client, typed: str | None
) -> PasswordReset:
    passwords.confirm(password, confirmation)
    user = link.user
    passwords.check(password, (user.email, user.first_name, user.last_name))
    needs_factor = second_factor.is_on(user.id)
    db.session.commit()  # End the read: no transaction stays open while a hash is computed.
    if needs_factor and not typed:
        raise SecondFactorRequired
    reused = former_passwords.refusal_of(user, password, client)
    if reused and not needs_factor:
        raise reused
    password_hash = passwords.hash_new(password, client)

    # Whoever was invited chooses a first password, and resets nothing.
    notice = "password_changed" if user.password_changed_at else "password_chosen"
    # The user's row is locked first, as in every change: concurrent changes wait there and cannot deadlock.
    db.session.execute(select(User.id).where(User.id == user.id).with_for_update())
    shown: dict[str, Any] = {}
    if needs_factor:
        shown["factor"] = second_factor.show(user, typed or "", client, "password_reset.done")
    if reused:  # Only now: what the present password is, nobody learns who cannot show the second factor.
        db.session.rollback()
        raise reused
    devices = _redeem(link, password_hash)
    ended = len(devices)
    users.use_language(user, client.language)
    audit.record("password_reset.done", client, user_id=user.id, email_key=user.email_key, ended=ended, **shown)
    outbox.put(notice, user.email, user.id, ended=ended, ip=client.ip, user_agent=client.user_agent)
    db.session.commit()
    return PasswordReset(user, devices)


def _verified_at(link: PasswordResetToken) -> SQLColumnExpression[datetime | None]:
    """Return since when the address counts as confirmed: using a link that was mailed there confirms it."""
    was_mailed = db.session.get(OutboxEntry, link.id) is not None  # An operator's link has no outbox entry.
    return func.coalesce(User.email_verified_at, now()) if was_mailed else User.email_verified_at


def _redeem(link: PasswordResetToken, password_hash: str) -> list[str]:
    """Mark the link used and set the password, or refuse: the database decides which request was first."""
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
