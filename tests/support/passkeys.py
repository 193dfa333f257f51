"""Passkeys by the rules: a session with a fresh proof, a passkey in it, the answer of an authenticator."""

from typing import Any

from chirp_auth.accounts import sessions
from chirp_auth.accounts.factors import passkey_sign_in, passkeys
from chirp_auth.accounts.factors.passkey_proofs import Answer
from chirp_auth.extensions import db
from chirp_auth.models import Passkey, Session, User
from chirp_auth.security.client import Client
from tests.support.authenticator import Authenticator

CLIENT = Client(face="test", ip="192.0.2.7", user_agent="Mozilla/5.0 Firefox/140.0", reference="test")


def session_of(user: User) -> Session:
    """Sign the user in, with everything proved just now."""
    session = sessions.add(user, CLIENT)
    db.session.commit()
    return session


def add(session: Session, key: Authenticator, name: str | None = None) -> Passkey:
    """Add the authenticator's passkey to the session's account."""
    began = passkeys.begin(session)
    return passkeys.add(session, Answer(began.state, key.register(began.options)), name, CLIENT)


def answer_to(key: Authenticator, **client_data: Any) -> Answer:
    """Begin a sign-in and return the authenticator's answer."""
    began = passkey_sign_in.begin()
    return Answer(began.state, key.answer(began.options, **client_data))
