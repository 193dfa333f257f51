"""Proofs by passkey: one assertion is judged and spent, whatever it is for.

The order of locks is challenge, user, passkey, for every writer of the three.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from uuid import UUID

import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from chirp_auth import audit
from chirp_auth.accounts import users
from chirp_auth.accounts.factors import factor_mails
from chirp_auth.audit.vocabulary import Kind, OwnOutcome
from chirp_auth.clock import now
from chirp_auth.errors import WrongPasskey
from chirp_auth.extensions import db
from chirp_auth.models import Passkey, SpentChallenge, User
from chirp_auth.security import passkey_ceremonies, passkey_challenges
from chirp_auth.security.client import Client
from chirp_auth.security.passkey_ceremonies import Assertion
from chirp_auth.security.passkey_challenges import NotGenuine, Purpose

log = structlog.get_logger("passkeys")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from a ceremony: its state, and what the authenticator said. Both are hostile until verified."""

    state: str
    credential: Mapping[str, Any]


def accept(
    answer: Answer,
    purpose: Purpose,
    client: Client,
    kind: Kind,
    *,
    user: User | None = None,
    subject: UUID | None = None,
) -> Passkey:
    """Return the passkey that genuinely answered, with its challenge spent in the caller's transaction.

    The caller must commit; until then the transaction holds the user's row. A refusal is recorded as an event of this
    kind, and committed.

    Args:
        user: whose passkey it must be, where that is known.
        subject: the user or session that the challenge was made for.

    Raises:
        WrongPasskey: for whatever reason; never which.
    """
    try:
        challenge = passkey_challenges.check_state(answer.state, purpose, subject)
        passkey = _find(answer, user)
    except NotGenuine as reason:
        _refuse(reason, client, kind, user)
    try:
        challenged = passkey_challenges.challenge_of(answer.state)
        assertion = passkey_ceremonies.verify_assertion(answer.credential, challenged, passkey, known=user is not None)
        spend(challenge)
    except NotGenuine as reason:
        _refuse(reason, client, kind, passkey.user)
    holder = db.session.get(User, passkey.user_id, populate_existing=True, with_for_update=True)
    if holder is None:
        _refuse(NotGenuine("user deleted"), client, kind, None)
    if holder.disabled_at:
        _refuse(NotGenuine("disabled"), client, kind, holder, "disabled")
    if not users.is_usable(holder):
        _refuse(NotGenuine("not confirmed"), client, kind, holder, "email_not_verified")
    if not _count_use(passkey, assertion):
        _suspect(passkey, client)
        _refuse(NotGenuine("counter"), client, kind, holder)
    return passkey


def spend(challenge: UUID) -> None:
    """Spend a challenge, as the first write of the caller's transaction.

    Raises:
        NotGenuine: it was spent before.
    """
    db.session.commit()  # End the read: a conflict below may undo nothing but this.
    try:
        db.session.execute(insert(SpentChallenge).values(id=challenge, spent_at=now()))
    except IntegrityError:
        db.session.rollback()
        raise NotGenuine("spent") from None


def _find(answer: Answer, user: User | None) -> Passkey:
    query = select(Passkey).where(Passkey.credential_id == passkey_ceremonies.credential_id_of(answer.credential))
    passkey = db.session.scalar(query if user is None else query.where(Passkey.user_id == user.id))
    if passkey is None:
        raise NotGenuine("unknown passkey")
    return passkey


def _count_use(passkey: Passkey, assertion: Assertion) -> bool:
    """Keep what the authenticator says of itself, if its counter has grown or it never counts (6.1.1)."""
    count = assertion.sign_count
    counting = (
        update(Passkey)
        .where(Passkey.id == passkey.id, Passkey.sign_count < count if count else Passkey.sign_count == 0)
        .values(sign_count=count, is_synced=assertion.is_synced, last_used_at=now())
        .returning(Passkey.id)
    )
    return db.session.scalar(counting) is not None


def _suspect(passkey: Passkey, client: Client) -> None:
    """Tell the owner of a counter that did not grow: two authenticators may have the same passkey.

    There is nothing to tell of a passkey that was removed at this moment.
    """
    if db.session.scalar(select(Passkey.id).where(Passkey.id == passkey.id)):
        audit.record("passkey.suspected", client, user_id=passkey.user_id)
        factor_mails.tell("passkey_suspected", passkey.user, client, name=passkey.name)


def _refuse(
    reason: NotGenuine, client: Client, kind: Kind, user: User | None, outcome: OwnOutcome = "wrong_passkey"
) -> NoReturn:
    log.info("passkey refused", reason=str(reason), reference=client.reference)
    user_id, email_key = (user.id, user.email_key) if user else (None, None)
    audit.record(kind, client, outcome=outcome, user_id=user_id, email_key=email_key)
    db.session.commit()
    raise WrongPasskey
