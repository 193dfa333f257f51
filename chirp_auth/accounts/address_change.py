"""Address change: ask for it with the password, confirm it by a link that is mailed to the new address.

Nothing changes before the confirmation. Whether the new address belongs to another account, only its mailbox learns.
The old address gets a notice whose link undoes the change for seven days (see `account_recovery`).
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ScalarSelect, func, select, update
from sqlalchemy.exc import IntegrityError

from chirp_auth import audit
from chirp_auth.accounts import account_recovery, addresses, policy, revocation, users
from chirp_auth.accounts.addresses import Address
from chirp_auth.accounts.factors import fresh_proof
from chirp_auth.audit.vocabulary import outcome_of
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken, RateLimitExceeded, TokenAlreadyUsed, TokenExpired, ValidationFailed
from chirp_auth.extensions import db
from chirp_auth.languages import Sentence
from chirp_auth.mail import outbox
from chirp_auth.models import AddressChange, Session, User
from chirp_auth.security import tokens
from chirp_auth.security.client import Client

LINK_LIFE = timedelta(days=1)
MAX_PER_HOUR = 3  # For one account; `mail_caps` limits the mails to one address.


def request_change(session: Session, password: str, new_email: str, client: Client) -> None:
    """Mail a link to the new address; the same answer whether or not it belongs to another account.

    Raises:
        InvalidEmail, ValidationFailed: not an address, or the account's present one.
        FreshProofRequired: see `policy`.
        InvalidCredentials: the password is wrong; counted like a failed sign-in.
        RateLimitExceeded: the account has asked MAX_PER_HOUR times.
        ServiceBusy: too many hashes are under way.
    """
    user = session.user
    address = addresses.parse(new_email)
    if address.key == user.email_key:
        sentence = Sentence("That is your address already.")
        raise ValidationFailed({"email": sentence}, sentence)
    fresh_proof.show_password(policy.Act.CHANGE_ADDRESS, session, password, client, "address_change.requested")
    _promise_link(user, address, client)


def send_again(session: Session, new_email: str, client: Client) -> None:
    """Mail the link once more to a new address that was asked for with the password, while its link lives.

    Raises:
        InvalidToken: no such change is open.
        RateLimitExceeded: the account has asked MAX_PER_HOUR times.
    """
    user, address = session.user, addresses.parse(new_email)
    opened = select(AddressChange.id).where(
        AddressChange.user_id == user.id,
        AddressChange.new_email_key == address.key,
        AddressChange.credential_version == user.credential_version,
        AddressChange.confirmed_at.is_(None),
        AddressChange.created_at > now() - LINK_LIFE,
    )
    if db.session.scalar(opened.limit(1)) is None:
        raise InvalidToken
    _promise_link(user, address, client)


def check_link(token: str) -> AddressChange:
    """Return the change that the link would confirm. Changes nothing.

    Raises:
        InvalidToken: not one of our links, or the account changed or was locked since.
        TokenExpired, TokenAlreadyUsed: a genuine link, but too old or used.
    """
    change = db.session.get(AddressChange, tokens.read(tokens.ADDRESS_CHANGE, token).id)
    if change is None:
        raise InvalidToken
    if change.confirmed_at:
        raise TokenAlreadyUsed
    if now() - change.created_at > LINK_LIFE:
        raise TokenExpired
    if change.credential_version != change.user.credential_version or change.user.disabled_at:
        raise InvalidToken
    return change


def confirm_change(token: str, client: Client) -> User:
    """Give the account its new address, end all sessions and links, and promise a notice to both addresses.

    Raises:
        InvalidToken, TokenExpired, TokenAlreadyUsed: as for `check_link`; nothing changed; the refusal is recorded.
    """
    try:
        change = check_link(token)
    except (InvalidToken, TokenExpired, TokenAlreadyUsed) as refusal:
        audit.record("address_change.done", client, outcome=outcome_of(refusal))
        db.session.commit()
        raise
    confirming = (
        update(AddressChange)
        .where(AddressChange.id == change.id, AddressChange.confirmed_at.is_(None))
        .values(confirmed_at=now(), old_email_verified_at=_verified_at(change.user_id))
        .returning(AddressChange.id)
    )
    ended = _replace(change) if db.session.scalar(confirming) else None
    if ended is None:
        db.session.rollback()
        audit.record("address_change.done", client, outcome="invalid_token", user_id=change.user_id)
        db.session.commit()
        raise InvalidToken
    for recipient in (change.old_email, change.new_email):
        outbox.put(
            "address_changed",
            recipient,
            change.user_id,
            change=str(change.id),
            ip=client.ip,
            user_agent=client.user_agent,
        )
    audit.record("address_change.done", client, user_id=change.user_id, ended=ended)
    db.session.commit()
    db.session.refresh(change.user)
    return change.user


def _promise_link(user: User, address: Address, client: Client) -> None:
    """Open a change to this address and promise its link, unless the account has asked too often."""
    change = AddressChange(
        user_id=user.id,
        credential_version=user.credential_version,
        old_email=user.email,
        old_email_key=user.email_key,
        new_email=address.typed,
        new_email_key=address.key,
    )
    db.session.execute(
        select(User.id).where(User.id == user.id).with_for_update()
    )  # Concurrent requests count in turn.
    db.session.add(change)
    db.session.flush()
    if _count_recent(user) > MAX_PER_HOUR:
        db.session.rollback()
        audit.record("address_change.requested", client, outcome="too_many", user_id=user.id)
        db.session.commit()
        raise RateLimitExceeded(timedelta(hours=1))
    outbox.put("address_change", address.deliverable, user.id, change=str(change.id))
    audit.record("address_change.requested", client, user_id=user.id, email_key=address.key)
    db.session.commit()


def _verified_at(user_id: UUID) -> ScalarSelect[datetime | None]:
    return select(User.email_verified_at).where(User.id == user_id).scalar_subquery()


def _count_recent(user: User) -> int:
    query = select(func.count()).select_from(AddressChange).where(AddressChange.user_id == user.id)
    return db.session.scalar(query.where(AddressChange.created_at > now() - timedelta(hours=1))) or 0


def _replace(change: AddressChange) -> int | None:
    """Write the new address, unless it is taken or reserved; return how many sessions that ended."""
    if account_recovery.is_reserved(change.new_email_key, but_for=change.user_id):
        return None
    try:
        ended_devices = revocation.change_credentials(
            change.user, email=change.new_email, email_key=change.new_email_key, **users.confirmed()
        )
    except IntegrityError:  # The address got an account since.
        return None
    return None if ended_devices is None else len(ended_devices)
