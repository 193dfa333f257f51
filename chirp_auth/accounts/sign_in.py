"""Sign-in: from an address and a password, and where the account asks for it a second factor, to a session."""

from datetime import timedelta
from typing import Any, NoReturn

from sqlalchemy import update

from chirp_auth import audit
from chirp_auth.accounts import addresses, known_devices, lockout, new_sign_ins, sessions, users
from chirp_auth.accounts.factors import second_factor, second_step
from chirp_auth.clock import now
from chirp_auth.errors import InvalidCredentials, InvalidToken, SecondFactorRequired
from chirp_auth.extensions import db
from chirp_auth.models import Session, User
from chirp_auth.security import passwords
from chirp_auth.security.client import Client


def sign_in(
    email: str,
    password: str,
    client: Client,
    max_age: timedelta = sessions.MAX_AGE,
    *,
    has_second_step: bool = True,
) -> Session:
    """Open a session for the user with this address and password; it ends after `max_age` at the latest.

    Args:
        has_second_step: whether the caller can ask for a second factor. If not, an account that needs one is refused
            exactly as if the password were wrong.

    Raises:
        InvalidEmail: the address is not an address.
        InvalidCredentials: wrong address, wrong password, too many failures, or, where accounts are concealed, an
            unconfirmed address; never which of them.
        SecondFactorRequired: the password is right; `finish` opens the session with the ticket and a second factor.
        ServiceBusy: too many hashes are under way.
    """
    address = addresses.parse(email)
    passwords.expect_room(client)
    user = lockout.authenticate(users.find(address.key), password, client, "session.signed_in", address.key)
    is_proved = not second_factor.is_on(user.id)
    if not is_proved and not known_devices.is_trusted(user, client.device):
        if not has_second_step:
            lockout.refuse_password_alone(user, client, "session.signed_in")
        _ask_for_second_factor(user, password, client)
    session = complete(user, client, max_age, is_proved=is_proved, **_rehashed(user, password, client))
    if session is None:
        raise InvalidCredentials
    return session


def finish(ticket: str, typed: str, client: Client, max_age: timedelta = sessions.MAX_AGE) -> Session:
    """Open the session of a sign-in whose password was right, with a code of the app or a recovery code.

    Raises:
        InvalidToken, TokenExpired: the ticket is of no use any more: the sign-in begins again with the password.
        WrongSecondFactor: the code is wrong or used, or a delay is not over; counted like a wrong password.
    """
    user = second_step.user_of(ticket)
    db.session.commit()  # End the read: showing the code has a transaction of its own.
    factor = second_factor.show(user, typed, client, "session.signed_in")
    session = complete(user, client, max_age, factor=factor)
    if session is None:
        raise InvalidToken
    return session


def complete(
    user: User,
    client: Client,
    max_age: timedelta = sessions.MAX_AGE,
    *,
    is_proved: bool = True,
    factor: str | None = None,
    **values: Any,
) -> Session | None:
    """Open the session of somebody who has shown everything, and commit what is in the transaction.

    Args:
        is_proved: not where a trusted browser stood for a factor.
        factor: what was shown beside or in place of the password, for the record.
        values: what else is to be written to the user.

    Returns:
        None, with the refusal on record, if the account was changed since it was read.
    """
    user_id, email_key = user.id, user.email_key
    is_first = new_sign_ins.is_first(user)
    if not _mark_signed_in(user, values):
        db.session.rollback()
        audit.record("session.signed_in", client, outcome="replaced", user_id=user_id, email_key=email_key)
        db.session.commit()
        return None
    if not is_first:
        new_sign_ins.promise(user, client)
    users.use_language(user, client.language)
    session = sessions.add(user, client, max_age, is_proved=is_proved)
    detail: dict[str, Any] = {"factor": factor} if factor else {}
    audit.record("session.signed_in", client, user_id=user_id, email_key=email_key, **detail)
    db.session.commit()
    return session


def _ask_for_second_factor(user: User, password: str, client: Client) -> NoReturn:
    """Put the first step on record. It clears no failures: only a completed sign-in does."""
    if values := _rehashed(user, password, client):
        writing = update(User).where(User.id == user.id, User.credential_version == user.credential_version)
        db.session.execute(writing.values(**values))
    audit.record("session.signed_in", client, outcome="needs_second_factor", user_id=user.id, email_key=user.email_key)
    ticket = second_step.ticket_for(user)
    db.session.commit()
    raise SecondFactorRequired(ticket)


def _rehashed(user: User, password: str, client: Client) -> dict[str, str]:
    """Return the values that keep the password under today's cost of hashing."""
    if not (user.password_hash and passwords.needs_rehash(user.password_hash)):
        return {}
    db.session.commit()  # End the read: no transaction stays open while a hash is computed.
    return {"password_hash": passwords.hash_new(password, client)}


def _mark_signed_in(user: User, values: dict[str, Any]) -> bool:
    """Write the time of the sign-in, unless the account was changed since what was shown was verified."""
    marking = (
        update(User)
        .where(User.id == user.id, User.credential_version == user.credential_version, User.disabled_at.is_(None))
        .values(**lockout.CLEARED, last_sign_in_at=now(), **values)
        .returning(User.id)
    )
    return db.session.scalar(marking) is not None
