"""Email verification: prove that an address belongs to whoever registered it.

The link proves no more than access to the mailbox. Opened outside a session of the account, it ends all sessions and
links from before, and asks for the account's password or for a new one.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from chirp_auth import audit
from chirp_auth.accounts import addresses, lockout, revocation, sessions, users
from chirp_auth.accounts.factors import second_factor, second_step
from chirp_auth.clock import now
from chirp_auth.errors import InvalidCredentials, InvalidToken, SecondFactorRequired, TokenAlreadyUsed, TokenExpired
from chirp_auth.extensions import db
from chirp_auth.languages import Sentence
from chirp_auth.mail import outbox
from chirp_auth.models import Session, User
from chirp_auth.security import passwords, tokens
from chirp_auth.security.client import Client

LINK_LIFE = timedelta(days=3)


def request_link(email: str, client: Client) -> None:
    """Promise a verification link to an address that may be registered and unconfirmed.

    As for a reset link, the account is not looked up here: the same work for every address.

    Raises:
        InvalidEmail: the address is not an address.
    """
    address = addresses.parse(email)
    outbox.put("email_verification", address.deliverable, reference=client.reference, language=client.language)
    audit.record("email_verification.requested", client, email_key=address.key)
    db.session.commit()


def check_link(token: str) -> User:
    """Return the user whose address the link would confirm. Changes nothing.

    Raises:
        InvalidToken: not one of our links, or the address has changed since.
        TokenExpired: a genuine link, but too old.
    """
    reference = tokens.read(tokens.EMAIL_VERIFICATION, token)
    user = db.session.get(User, reference.id)
    if user is None or user.disabled_at or reference.mark != tokens.mark_of(user.email_key):
        raise InvalidToken
    if now() - reference.minted_at > LINK_LIFE:
        raise TokenExpired
    return user


def check_open_link(token: str) -> User:
    """Return the user whose address the link would confirm, unless it is confirmed. Changes nothing.

    Raises:
        InvalidToken, TokenExpired: as for `check_link`.
        TokenAlreadyUsed: the address is confirmed.
    """
    user = check_link(token)
    if user.email_verified_at:
        raise TokenAlreadyUsed
    return user


def verify_email(token: str, client: Client, session: Session | None = None) -> User:
    """Confirm the address; a second time changes nothing and succeeds, because people click twice.

    Unless `session` is one of the account's own, all links die and all sessions end, but for one that the same device
    opened from the same address: somebody else may have registered the address and must not stay signed in
    (pre-hijacking).

    Raises:
        InvalidToken, TokenExpired: as for `check_link`.
    """
    user = check_link(token)
    if _confirm(user):
        in_own_session = session is not None and session.user_id == user.id
        ended = None if in_own_session else _end_sessions(user, keep=_opened_by(client, user))
        audit.record("email.verified", client, user_id=user.id, email_key=user.email_key, ended=ended or 0)
    db.session.commit()
    db.session.refresh(user)
    return user


def verify_with_password(token: str, password: str, client: Client) -> Session:
    """Confirm the address with the account's password; end all its sessions, and open a new one.

    Wrong passwords are not counted here: whoever has the link could as well choose a new password.

    Raises:
        InvalidToken, TokenExpired, TokenAlreadyUsed: as for `check_open_link`.
        InvalidCredentials: the password is wrong, or was changed meanwhile; nothing is confirmed.
        SecondFactorRequired: the address is confirmed, and the sign-in goes on with the second step.
        ServiceBusy: too many hashes are under way.
    """
    user = check_open_link(token)
    db.session.commit()  # End the read: no transaction stays open while a hash is computed.
    is_right = passwords.verify(password, user.password_hash, client)
    ended = _confirm_and_replace(user) if is_right else None
    if ended is None:
        db.session.rollback()
        audit.record("email.verified", client, outcome="wrong_password", user_id=user.id, email_key=user.email_key)
        db.session.commit()
        raise InvalidCredentials(Sentence("That is not the password of this account."))
    db.session.refresh(user)
    users.use_language(user, client.language)
    audit.record("email.verified", client, user_id=user.id, email_key=user.email_key, ended=ended)
    if second_factor.is_on(user.id):
        db.session.commit()
        raise SecondFactorRequired(second_step.ticket_for(user))
    session = sessions.add(user, client, sessions.MAX_AGE_NOT_KEPT)
    audit.record("session.signed_in", client, user_id=user.id, email_key=user.email_key)
    db.session.commit()
    return session


def verify_with_new_password(
    token: str, password: str, confirmation: str, client: Client, factor: str | None = None
) -> User:
    """Confirm the address, set a new password, and end all sessions. As after a reset, nobody is signed in.

    `factor` is what was typed for the second factor, where the account asks for one: as for a reset.

    Raises:
        InvalidToken, TokenExpired, TokenAlreadyUsed: as for `check_open_link`.
        PasswordMismatch, PasswordTooWeak, SecondFactorRequired, WrongSecondFactor: the link stays valid.
        ServiceBusy: too many hashes are under way; likewise.
    """
    user = check_open_link(token)
    passwords.confirm(password, confirmation)
    passwords.check(password, (user.email, user.first_name, user.last_name))
    needs_factor = second_factor.is_on(user.id)
    db.session.commit()  # End the read: no transaction stays open while a hash is computed.
    if needs_factor and not factor:
        raise SecondFactorRequired
    password_hash = passwords.hash_new(password, client)
    if needs_factor:
        second_factor.show(user, factor or "", client, "email.verified")
    ended = _confirm_and_replace(user, password_hash=password_hash, password_changed_at=now(), **lockout.CLEARED)
    if ended is None:
        db.session.rollback()
        raise TokenAlreadyUsed
    audit.record("email.verified", client, user_id=user.id, email_key=user.email_key, ended=ended)
    audit.record("password.changed", client, user_id=user.id, ended=ended)
    outbox.put("password_changed", user.email, user.id, ended=ended, ip=client.ip, user_agent=client.user_agent)
    db.session.commit()
    return user


def _confirm(user: User) -> bool:
    """Confirm the address unless it is confirmed; from then on this transaction holds the user's row."""
    confirming = (
        update(User)
        .where(User.id == user.id, User.email_key == user.email_key, User.email_verified_at.is_(None))
        .values(**users.confirmed(), updated_at=now())
        .returning(User.id)
    )
    return db.session.scalar(confirming) is not None


def _confirm_and_replace(user: User, **values: Any) -> int | None:
    """Confirm, and end all sessions and links; None if the user was changed since we read it."""
    ended_devices = revocation.change_credentials(user, **values) if _confirm(user) else None
    return None if ended_devices is None else len(ended_devices)


def _opened_by(client: Client, user: User) -> UUID | None:
    """Return the newest session that this device opened from this address, for apps that send no token here."""
    opened = select(Session.id).where(
        Session.user_id == user.id,
        Session.revoked_at.is_(None),
        Session.ip == client.ip,
        Session.user_agent == client.user_agent,
    )
    return db.session.scalar(opened.order_by(Session.created_at.desc()).limit(1))


def _end_sessions(user: User, keep: UUID | None) -> int | None:
    db.session.refresh(user, ["credential_version"])  # We hold the row: this is the version to raise.
    ended_devices = revocation.change_credentials(user, keep=keep)
    return None if ended_devices is None else len(ended_devices)
