"""A passkey in place of a code: as the second step of a sign-in, and as a fresh proof in a session."""

from datetime import timedelta

from chirp_auth.accounts import sessions, sign_in
from chirp_auth.accounts.factors import fresh_proof, passkey_proofs, passkeys, second_step
from chirp_auth.accounts.factors.passkey_proofs import Answer
from chirp_auth.errors import InvalidToken
from chirp_auth.extensions import db
from chirp_auth.models import Session
from chirp_auth.security import passkey_ceremonies
from chirp_auth.security.client import Client
from chirp_auth.security.passkey_ceremonies import Ceremony
from chirp_auth.security.passkey_challenges import Purpose


def begin_second_step(ticket: str) -> Ceremony:
    """Return what asks for a passkey of the user who has shown the password.

    Raises:
        InvalidToken, TokenExpired: as for `second_step.user_of`.
    """
    user = second_step.user_of(ticket)
    return passkey_ceremonies.begin_assertion(Purpose.SECOND_STEP, user.id, passkeys.listed(user))


def finish(ticket: str, answer: Answer, client: Client, max_age: timedelta = sessions.MAX_AGE) -> Session:
    """Open the session of a sign-in whose password was right, by a passkey of the same user.

    Raises:
        InvalidToken, TokenExpired: the ticket is of no use any more.
        WrongPasskey: see `passkey_proofs.accept`.
    """
    user = second_step.user_of(ticket)
    version = user.credential_version
    passkey_proofs.accept(answer, Purpose.SECOND_STEP, client, "session.signed_in", user=user, subject=user.id)
    is_same = user.credential_version == version  # Read again meanwhile: a change of the account voids the ticket.
    session = sign_in.complete(user, client, max_age, factor="passkey") if is_same else None
    if session is None:
        db.session.rollback()
        raise InvalidToken
    return session


def begin_fresh_proof(session: Session) -> Ceremony:
    """Return what asks for a passkey of the signed-in user."""
    return passkey_ceremonies.begin_assertion(Purpose.FRESH_PROOF, session.id, passkeys.listed(session.user))


def prove(session: Session, answer: Answer, client: Client) -> None:
    """Note that a passkey was shown in this session: it is everything that any account asks for.

    Raises:
        WrongPasskey: see `passkey_proofs.accept`.
        Unauthenticated: the session was ended meanwhile.
    """
    passkey_proofs.accept(answer, Purpose.FRESH_PROOF, client, "session.proved", user=session.user, subject=session.id)
    fresh_proof.note(session, client, "passkey")
