"""Fresh proof: somebody who is signed in shows once more everything that the account asks for (see `policy`)."""

from typing import Any

from sqlalchemy import update

from chirp_auth import audit
from chirp_auth.accounts import lockout, policy
from chirp_auth.accounts.factors import second_factor
from chirp_auth.accounts.policy import Act
from chirp_auth.audit.vocabulary import Kind
from chirp_auth.clock import now
from chirp_auth.errors import SecondFactorRequired, Unauthenticated
from chirp_auth.extensions import db
from chirp_auth.models import Session
from chirp_auth.security.client import Client


def prove(session: Session, password: str, typed: str | None, client: Client) -> None:
    """Note that the password, and a code where the account asks for a second factor, were shown in this session.

    Raises:
        InvalidCredentials: the password is wrong; counted like a failed sign-in.
        SecondFactorRequired: the password is right, and nothing was typed as a code.
        WrongSecondFactor: the code is wrong or used; counted like a failed sign-in.
        Unauthenticated: the session was ended meanwhile.
        ServiceBusy: too many hashes are under way.
    """
    user = session.user
    lockout.authenticate(user, password, client, "session.proved", user.email_key)
    factor = None
    if second_factor.is_on(user.id):
        if not typed:
            raise SecondFactorRequired
        db.session.commit()  # End the read: showing the code has a transaction of its own.
        factor = second_factor.show(user, typed, client, "session.proved")
    note(session, client, factor)


def note(session: Session, client: Client, factor: str | None = None) -> None:
    """Note the proof in the session, and commit what is in the transaction; `factor` is for the record.

    Raises:
        Unauthenticated: the session was ended meanwhile.
    """
    user_id = session.user_id
    noting = update(Session).where(Session.id == session.id, Session.revoked_at.is_(None)).values(proved_at=now())
    in_memory_too = {"synchronize_session": "evaluate"}  # The caller goes on with this session.
    if db.session.scalar(noting.returning(Session.id), execution_options=in_memory_too) is None:
        db.session.rollback()
        audit.record("session.proved", client, outcome="session_ended", user_id=user_id)
        db.session.commit()
        raise Unauthenticated
    detail: dict[str, Any] = {"factor": factor} if factor else {}
    audit.record("session.proved", client, user_id=user_id, **detail)
    db.session.commit()


def show_password(act: Act, session: Session, password: str, client: Client, kind: Kind) -> None:
    """Check what an act needs beside the session: a fresh proof, a password, or both; `kind` is the act's event.

    Where the account has no password, the fresh proof that it needs stands for it.

    Raises:
        FreshProofRequired: see `policy.Need`.
        InvalidCredentials: the password is wrong; counted like a failed sign-in.
        ServiceBusy: too many hashes are under way.
    """
    policy.require(act, session)
    if session.user.password_hash is None:
        db.session.commit()  # End the read: the caller may hash a new password next.
    else:
        lockout.authenticate(session.user, password, client, kind, session.user.email_key)
