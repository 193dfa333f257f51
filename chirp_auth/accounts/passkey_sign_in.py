"""Sign-in by passkey: without an address, a password or a second step, for the passkey is all of them at once."""

from datetime import timedelta

from sqlalchemy import update

from chirp_auth import audit
from chirp_auth.accounts import lockout, new_sign_ins, passkey_proofs, sessions, users
from chirp_auth.accounts.passkey_proofs import Answer
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.models import Session, User
from chirp_auth.security import passkey_ceremonies
from chirp_auth.security.client import Client
from chirp_auth.security.passkey_ceremonies import Ceremony
from chirp_auth.security.passkey_challenges import Purpose


def begin() -> Ceremony:
    """Return what asks for a passkey of this site; it says nothing about any account."""
    return passkey_ceremonies.begin_assertion(Purpose.SIGN_IN)


def sign_in(answer: Answer, client: Client, max_age: timedelta = sessions.MAX_AGE) -> Session:
    """Open a session for whoever's passkey answered; it ends after `max_age` at the latest.

    A delay after wrong passwords does not hold for a passkey: nobody guesses one.

    Raises:
        WrongPasskey: unknown, not genuine, used before or copied, or the account cannot be used; never which of them.
    """
    user = passkey_proofs.accept(answer, Purpose.SIGN_IN, client, "session.signed_in").user
    is_first = new_sign_ins.is_first(user)
    db.session.execute(update(User).where(User.id == user.id).values(**lockout.CLEARED, last_sign_in_at=now()))
    if not is_first:
        new_sign_ins.promise(user, client)
    users.use_language(user, client.language)
    session = sessions.add(user, client, max_age)
    audit.record("session.signed_in", client, user_id=user.id, email_key=user.email_key, with_="passkey")
    db.session.commit()
    return session
