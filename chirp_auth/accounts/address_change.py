"""Address change: a new address for whoever knows the password, once they have opened a link mailed to it.

Nothing changes before. Whether the new address belongs to another account is told to nobody who does not read
its mail. The old address is told, with a link that takes the change back for seven days (see `not_me`).
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ScalarSelect, func, select, update
from sqlalchemy.exc import IntegrityError

from chirp_auth import audit
from chirp_auth.accounts import account_recovery, addresses, lockout, mail_caps, revocation, users
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken, RateLimitExceeded, TokenAlreadyUsed, TokenExpired, ValidationFailed
from chirp_auth.extensions import db, settings
from chirp_auth.formatting import in_words
from chirp_auth.mail import outbox
from chirp_auth.mail.rendering import Email, NotSent, name_of
from chirp_auth.models import AddressChange, OutboxEntry, Session, User
from chirp_auth.security import tokens
from chirp_auth.security.client import Client, device_in_words, shortened

LINK_LIFE = timedelta(days=1)
MAX_PER_HOUR = 3  # For one account; how many mails one address gets from all accounts is for `mail_caps`.


def request_change(session: Session, password: str, new_email: str, client: Client) -> None:
    """Mail a link to the new address; the same answer whether or not it belongs to another account.

    Raises:
        InvalidEmail, ValidationFailed: it is no address, or the one the account has.
        InvalidCredentials: the password is not right; counted like a failed sign-in.
        RateLimitExceeded: the account's changes for this hour are spent.
        ServiceBusy: too many hashes are under way.
    """
    user = session.user
    address = addresses.parse(new_email)
    if address.key == user.email_key:
        sentence = "That is your address already."
        raise ValidationFailed({"email": sentence}, sentence)
    lockout.authenticate(user, password, client, "address_change.requested", user.email_key)
    change = AddressChange(
        user_id=user.id,
        credential_version=user.credential_version,
        old_email=user.email,
        old_email_key=user.email_key,
        new_email=address.typed,
        new_email_key=address.key,
    )
    db.session.execute(select(User.id).where(User.id == user.id).with_for_update())  # Requests at once count in turn.
    db.session.add(change)
    db.session.flush()
    if _recent(user) > MAX_PER_HOUR:
        db.session.rollback()
        audit.record("address_change.requested", client, outcome="too_many", user_id=user.id)
        db.session.commit()
        raise RateLimitExceeded(timedelta(hours=1))
    outbox.put("address_change", address.deliverable, user.id, change=str(change.id))
    audit.record("address_change.requested", client, user_id=user.id, email_key=address.key)
    db.session.commit()


def check_link(token: str) -> AddressChange:
    """Return the change that the link would confirm. Changes nothing.

    Raises:
        InvalidToken: not one of our links, or the account or the request was replaced since.
        TokenExpired, TokenAlreadyUsed: ours and genuine, but too old or spent.
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
    """Give the account its new address, end all sessions and links, and tell both addresses.

    Raises:
        InvalidToken, TokenExpired, TokenAlreadyUsed: as for `check_link`; nothing changed; on record.
    """
    try:
        change = check_link(token)
    except (InvalidToken, TokenExpired, TokenAlreadyUsed) as refusal:
        audit.record("address_change.done", client, outcome=refusal.code.lower())
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


def compose_link(entry: OutboxEntry) -> Email:
    """Mint the link for the new address, unless that has an account: then nobody is told anything."""
    change = db.session.get(AddressChange, UUID(entry.params["change"]))
    if change is None or change.user.disabled_at:
        raise NotSent("no account")
    if users.find(change.new_email_key):
        raise NotSent("address taken")
    if not mail_caps.allow([entry]):
        mail_caps.withhold(entry, "address_change.withheld", change.user_id)
    token = tokens.mint(tokens.ADDRESS_CHANGE, change.id, change.created_at)
    return Email(
        addresses.parse(entry.recipient).deliverable,
        {
            "link": f"{settings.public_url}/confirm-address?token={token}",
            "life": in_words(LINK_LIFE),
            "expires_at": change.created_at + LINK_LIFE,
        },
    )


def compose_notice(entry: OutboxEntry) -> Email:
    """Tell the old address or the new one what happened; the link in the one to the old address takes it back."""
    change = db.session.get(AddressChange, UUID(entry.params["change"]))
    if change is None:
        raise NotSent("no account")
    address = addresses.parse(entry.recipient)
    return Email(
        address.deliverable,
        {
            "name": name_of(change.user, address.key),
            "by_support": entry.params.get("by_support", False),
            "to_old": entry.recipient == change.old_email,
            "changed_at": entry.created_at,
            "device": device_in_words(entry.params.get("user_agent")),
            "ip": shortened(entry.params.get("ip")),
            "life": in_words(account_recovery.LINK_LIFE),
            "not_me_link": account_recovery.link(entry),
        },
    )


def _verified_at(user_id: UUID) -> ScalarSelect[datetime | None]:
    return select(User.email_verified_at).where(User.id == user_id).scalar_subquery()


def _recent(user: User) -> int:
    recent = select(func.count()).select_from(AddressChange)
    an_hour_ago = now() - timedelta(hours=1)
    return (
        db.session.scalar(recent.where(AddressChange.user_id == user.id, AddressChange.created_at > an_hour_ago)) or 0
    )


def _replace(change: AddressChange) -> int | None:
    if account_recovery.is_reserved(change.new_email_key, but_for=change.user_id):
        return None
    try:
        places = revocation.change_credentials(
            change.user, email=change.new_email, email_key=change.new_email_key, **users.confirmed()
        )
    except IntegrityError:  # Somebody has opened an account with that address since.
        return None
    return None if places is None else len(places)
