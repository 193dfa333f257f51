"""Sign-in by passkey: without an address, a password or a second step, for the passkey is all of them at once."""

from datetime import timedelta

from chirp_auth.accounts import sessions, sign_in
from chirp_auth.accounts.factors import passkey_proofs
from chirp_auth.accounts.factors.passkey_proofs import Answer
from chirp_auth.errors import WrongPasskey
from chirp_auth.models import Session
from chirp_auth.security import passkey_ceremonies
from chirp_auth.security.client import Client
from chirp_auth.security.passkey_ceremonies import Ceremony
from chirp_auth.security.passkey_challenges import Purpose


def begin() -> Ceremony:
    """Return what asks for a passkey of this site; it says nothing about any account."""
    return passkey_ceremonies.begin_assertion(Purpose.SIGN_IN)


def sign_in_by_passkey(answer: Answer, client: Client, max_age: timedelta = sessions.MAX_AGE) -> Session:
    """Open a session for whoever's passkey answered; it ends after `max_age` at the latest.

    A delay after wrong passwords does not hold for a passkey: nobody guesses one.

    Raises:
        WrongPasskey: unknown, not genuine, used before or copied, or the account cannot be used; never which of them.
    """
    user = passkey_proofs.accept(answer, Purpose.SIGN_IN, client, "session.signed_in").user
    session = sign_in.complete(user, client, max_age, factor="passkey")
    if session is None:
        raise WrongPasskey
    return session
