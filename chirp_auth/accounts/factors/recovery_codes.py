"""Recovery codes: ten stand in for a lost authenticator app, each once. They are shown only when they are made."""

from uuid import UUID, uuid4

from sqlalchemy import delete, func, select

from chirp_auth import audit
from chirp_auth.accounts import policy
from chirp_auth.accounts.factors import factor_mails, second_factor
from chirp_auth.errors import NotFound
from chirp_auth.extensions import db
from chirp_auth.models import RecoveryCode, Session, User
from chirp_auth.security import codes
from chirp_auth.security.client import Client

COUNT = 10
FEW = 3
LENGTH = 10  # 47 bits: nobody guesses one, even without the delays.


def left(user_id: UUID) -> int:
    """Return how many recovery codes the user can still use."""
    query = select(func.count()).select_from(RecoveryCode)
    return db.session.scalar(query.where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))) or 0


def make_anew(session: Session, client: Client) -> list[str]:
    """Return new codes, as people read them; the former ones do nothing any more. The owner is told by mail.

    Raises:
        FreshProofRequired: see `policy`.
        NotFound: the account has no authenticator app for which they could stand in.
    """
    policy.require(policy.Act.CHANGE_FACTORS, session)
    if not second_factor.is_on(session.user_id):
        raise NotFound
    made = replace(session.user)
    audit.record("recovery_codes.made", client, user_id=session.user_id)
    factor_mails.tell("recovery_codes_made", session.user, client)
    db.session.commit()
    return made


def replace(user: User) -> list[str]:
    """Put new codes in the place of the user's, in the caller's transaction; return them as people read them."""
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    made = [codes.random_code(LENGTH) for _ in range(COUNT)]
    for text in made:
        row = uuid4()
        db.session.add(RecoveryCode(id=row, user_id=user.id, digest=second_factor.digest_of(row, text)))
    return [codes.grouped(text) for text in made]
