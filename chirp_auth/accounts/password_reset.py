"""Password reset: ask for a link, and use it.

Asking never looks the account up: the worker finds out, later, whether there is anyone to write to.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import SQLColumnExpression, func, select, update

from chirp_auth import audit
from chirp_auth.accounts import addresses, former_passwords, lockout, reset_links, revocation
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken, LinkReplaced, TokenAlreadyUsed, TokenExpired
from chirp_auth.extensions import db
from chirp_auth.mail import outbox
from chirp_auth.models import OutboxEntry, PasswordResetToken, User
from chirp_auth.security import passwords
from chirp_auth.security.client import Client


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """What a finished reset did; `places` are the devices, in words, that it signed out."""

    user: User
    places: list[str]

    @property
    def ended_sessions(self) -> int:
        return len(self.places)


def request_link(email: str, client: Client) -> None:
    """Promise a reset link to whoever has an account with this address; the same work for every address.

    Raises:
        InvalidEmail: the address is not an address.
    """
    address = addresses.parse(email)
    outbox.put(
        "reset_link",
        address.deliverable,
        ip=client.ip,
        user_agent=client.user_agent,
        reference=client.reference,
    )
    audit.record("password_reset.requested", client, email_key=address.key)
    db.session.commit()


def renew_link(token: str, client: Client) -> str:
    """Promise a new link to the owner of a genuine one that expired or was replaced; return their address.

    Raises:
        InvalidToken: not one of our links, or it was mailed to an address that the account has left.
    """
    email = reset_links.genuine(token).user.email
    request_link(email, client)
    return email


def reset_password(token: str, password: str, confirmation: str, client: Client) -> PasswordReset:
    """Give the link's user a new password, end all their sessions and void all their links.

    Nobody is signed in by it (OWASP Forgot Password Cheat Sheet).

    Raises:
        InvalidToken, TokenExpired, TokenAlreadyUsed: the link cannot be used; of several at once, one wins.
        PasswordMismatch, PasswordTooWeak: the link stays good for another try.
        ServiceBusy: too many hashes are under way; likewise.
    """
    try:
        return _reset(token, password, confirmation, client)
    except (InvalidToken, TokenExpired, TokenAlreadyUsed) as refusal:
        audit.record("password_reset.refused", client, outcome=refusal.code.lower())
        db.session.commit()
        raise


def _reset(token: str, password: str, confirmation: str, client: Client) -> PasswordReset:
    link = reset_links.check_link(token)
    passwords.confirm(password, confirmation)
    user = link.user
    passwords.check(password, (user.email, user.first_name, user.last_name))
    db.session.commit()  # End the read: no transaction stays open while a hash is computed.
    former_passwords.check(user, password)
    password_hash = passwords.hash_new(password)

    places = _redeem(link, password_hash)
    ended = len(places)
    audit.record("password_reset.done", client, user_id=user.id, ended=ended)
    outbox.put("password_changed", user.email, user.id, ended=ended, ip=client.ip, user_agent=client.user_agent)
    db.session.commit()
    return PasswordReset(user, places)


def _verified_at(link: PasswordResetToken) -> SQLColumnExpression[datetime | None]:
    """Return since when the address counts as confirmed: who opens a link that was mailed there reads its mail."""
    was_mailed = db.session.get(OutboxEntry, link.id) is not None  # not read out by an operator
    return func.coalesce(User.email_verified_at, now()) if was_mailed else User.email_verified_at


def _redeem(link: PasswordResetToken, password_hash: str) -> list[str]:
    """Spend the link and set the password, or refuse: the database decides who was first."""
    # The user's row first, as in every change: two changes at once wait for each other there, and nowhere else.
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
    places = None
    if db.session.scalar(spending):
        places = revocation.change_credentials(
            link.user,
            password_hash=password_hash,
            former_password_hashes=None,
            password_changed_at=now(),
            password_reset_at=now(),
            password_reset_count=User.password_reset_count + 1,
            email_verified_at=_verified_at(link),
            confirm_before=None,  # Its owner reads the mail, or an operator has vouched for them.
            **lockout.CLEARED,
        )
    if places is None:
        db.session.rollback()
        db.session.refresh(link)
        raise TokenAlreadyUsed if link.used_at else LinkReplaced
    return places
