"""Passkeys of an account: adding, naming and removing them."""

from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from chirp_auth import audit
from chirp_auth.accounts import names, policy, revocation
from chirp_auth.accounts.factors import factor_mails, passkey_proofs
from chirp_auth.accounts.factors.passkey_proofs import Answer
from chirp_auth.accounts.policy import Act
from chirp_auth.errors import LastWayIn, NotFound, PasskeyRefused, TooManyPasskeys, Unauthenticated
from chirp_auth.extensions import db
from chirp_auth.models import MAX_PASSKEY_NAME_CHARACTERS, Passkey, Session, User
from chirp_auth.security import passkey_ceremonies, passkey_challenges
from chirp_auth.security.client import Client
from chirp_auth.security.devices import translated_device
from chirp_auth.security.passkey_ceremonies import Ceremony
from chirp_auth.security.passkey_challenges import NotGenuine, Purpose

MAX_PASSKEYS = 20


def listed(user: User) -> list[Passkey]:
    """Return the user's passkeys, oldest first."""
    query = select(Passkey).where(Passkey.user_id == user.id)
    return list(db.session.scalars(query.order_by(Passkey.created_at, Passkey.id)))


def find(session: Session, passkey_id: UUID) -> Passkey:
    """Return the passkey of the signed-in user.

    Raises:
        NotFound: the user has none with this id.
    """
    passkey = db.session.scalar(select(Passkey).where(Passkey.id == passkey_id, Passkey.user_id == session.user_id))
    if passkey is None:
        raise NotFound
    return passkey


def is_last_way_in(user: User) -> bool:
    """Say whether the account has no password, and one passkey at most."""
    return user.password_hash is None and _count(user) <= 1


def begin(session: Session) -> Ceremony:
    """Return what makes a passkey for the signed-in user; the answer is worth something in this session alone.

    Raises:
        FreshProofRequired: see `policy`.
        TooManyPasskeys: the account has MAX_PASSKEYS already.
    """
    policy.require(Act.CHANGE_FACTORS, session)
    present = listed(session.user)
    if len(present) >= MAX_PASSKEYS:
        raise TooManyPasskeys
    return passkey_ceremonies.begin_registration(session.user, session.id, present)


def add(session: Session, answer: Answer, name: str | None, client: Client) -> Passkey:
    """Add the passkey that was made; without a name it has the device's.

    Raises:
        FreshProofRequired: see `policy`.
        ValidationFailed: the name is too long or has a control character.
        PasskeyRefused: the answer is not genuine, late or used before, or some account has this passkey.
        TooManyPasskeys: the account has MAX_PASSKEYS already.
        Unauthenticated: the session ended meanwhile.
    """
    policy.require(Act.CHANGE_FACTORS, session)
    name = _name(name) or _device(client)
    try:
        challenge = passkey_challenges.check_state(answer.state, Purpose.REGISTRATION, session.id)
        new = passkey_ceremonies.verify_registration(answer.credential, passkey_challenges.challenge_of(answer.state))
        passkey_proofs.spend(challenge)
    except NotGenuine:
        raise PasskeyRefused from None
    user = _lock(session)
    if _count(user) >= MAX_PASSKEYS:
        db.session.rollback()
        raise TooManyPasskeys
    passkey = Passkey(
        user=user,
        credential_id=new.credential_id,
        public_key=new.public_key,
        sign_count=new.sign_count,
        transports=new.transports,
        aaguid=new.aaguid,
        may_sync=new.may_sync,
        is_synced=new.is_synced,
        name=name,
    )
    db.session.add(passkey)
    try:
        db.session.flush()
    except IntegrityError:  # Some account has it: which one is nobody's business.
        db.session.rollback()
        raise PasskeyRefused from None
    audit.record("passkey.added", client, user_id=user.id)
    factor_mails.tell("passkey_added", user, client, name=name)
    db.session.commit()
    return passkey


def rename(session: Session, passkey_id: UUID, name: str, client: Client) -> Passkey:
    """Give the passkey another name; without one it has the device's.

    Raises:
        ValidationFailed: the name is too long or has a control character.
        NotFound: the user has no such passkey.
    """
    passkey = find(session, passkey_id)
    name = _name(name) or _device(client)
    naming = update(Passkey).where(Passkey.id == passkey.id).values(name=name).returning(Passkey.id)
    if db.session.scalar(naming) is None:
        db.session.rollback()
        raise NotFound
    audit.record("passkey.renamed", client, user_id=session.user_id)
    db.session.commit()
    db.session.refresh(passkey)
    return passkey


def remove(session: Session, passkey_id: UUID, client: Client) -> None:
    """Remove the passkey; all other sessions end, for its thief may be in one of them.

    Raises:
        FreshProofRequired: see `policy`.
        NotFound: the user has no such passkey.
        LastWayIn: the account has neither a password nor another passkey.
        Unauthenticated: the account was changed meanwhile; nothing was removed.
    """
    policy.require(Act.CHANGE_FACTORS, session)
    passkey = find(session, passkey_id)
    user, name = session.user, passkey.name
    db.session.commit()  # End the read.
    if revocation.change_credentials(user, keep=session.id) is None:
        db.session.rollback()
        raise Unauthenticated
    db.session.refresh(user)
    if is_last_way_in(user):
        db.session.rollback()
        raise LastWayIn
    db.session.execute(delete(Passkey).where(Passkey.id == passkey_id))
    audit.record("passkey.removed", client, user_id=user.id)
    factor_mails.tell("passkey_removed", user, client, name=name)
    db.session.commit()


def _lock(session: Session) -> User:
    """Return the session's user, whose row stays locked until the commit.

    Raises:
        Unauthenticated: the session has ended.
    """
    is_alive = (Session.id == session.id, Session.revoked_at.is_(None), User.disabled_at.is_(None))
    query = select(User).join(Session, Session.user_id == User.id)
    query = query.where(*is_alive, Session.credential_version == User.credential_version)
    user: User | None = db.session.scalar(query.with_for_update(of=User))
    if user is None:
        db.session.rollback()
        raise Unauthenticated
    return user


def _count(user: User) -> int:
    return db.session.scalar(select(func.count()).select_from(Passkey).where(Passkey.user_id == user.id)) or 0


def _name(typed: str | None) -> str | None:
    return names.parse_optional("name", typed, MAX_PASSKEY_NAME_CHARACTERS)


def _device(client: Client) -> str:
    device = translated_device(client.user_agent)[:MAX_PASSKEY_NAME_CHARACTERS]
    return device[:1].upper() + device[1:]
