"""Sign-in: from an address and a password to a session."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from chirp_auth import audit
from chirp_auth.accounts import addresses, lockout, new_sign_ins, sessions, users
from chirp_auth.clock import now
from chirp_auth.errors import InvalidCredentials
from chirp_auth.extensions import db
from chirp_auth.models import Session, User
from chirp_auth.security import passwords
from chirp_auth.security.client import Client


def sign_in(email: str, password: str, client: Client, max_age: timedelta = sessions.MAX_AGE) -> Session:
    """Open a session for the user with this address and password; it ends after `max_age` at the latest.

    Raises:
        InvalidEmail: the address is not an address.
        InvalidCredentials: wrong address, wrong password, too many failures, or, where accounts are concealed, an
            unconfirmed address; never which of them.
        ServiceBusy: too many hashes are under way.
    """
    address = addresses.parse(email)
    passwords.expect_room(client)
    user = lockout.authenticate(users.find(address.key), password, client, "session.signed_in", address.key)
    is_first = new_sign_ins.is_first(user)
    if not _mark_signed_in(user, password, client):
        audit.record("session.signed_in", client, outcome="replaced", user_id=user.id, email_key=address.key)
        db.session.commit()
        raise InvalidCredentials
    if not is_first:
        new_sign_ins.promise(user, client)
    users.use_language(user, client.language)
    session = sessions.add(user, client, max_age)
    audit.record("session.signed_in", client, user_id=user.id, email_key=address.key)
    db.session.commit()
    return session


def _mark_signed_in(user: User, password: str, client: Client) -> bool:
    """Write the time of the sign-in, unless the password that we verified was changed since."""
    values: dict[str, Any] = {**lockout.CLEARED, "last_sign_in_at": now()}
    if user.password_hash and passwords.needs_rehash(user.password_hash):
        values["password_hash"] = passwords.hash_new(password, client)
    marking = (
        update(User)
        .where(User.id == user.id, User.credential_version == user.credential_version, User.disabled_at.is_(None))
        .values(**values)
        .returning(User.id)
    )
    return db.session.scalar(marking) is not None
