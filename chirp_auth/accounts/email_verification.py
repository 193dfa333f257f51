"""Email verification: proving that an address belongs to whoever registered it.

The link proves the mailbox and no more. Where it is opened outside a session of the account, everything that was
there before ends, and the password that was there stays good only for whoever knows it.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from chirp_auth import audit
from chirp_auth.accounts import addresses, lockout, mail_caps, revocation, sessions, unwanted_registration, users
from chirp_auth.clock import now
from chirp_auth.errors import InvalidCredentials, InvalidToken, TokenAlreadyUsed, TokenExpired
from chirp_auth.extensions import db, settings
from chirp_auth.formatting import in_words
from chirp_auth.mail import outbox
from chirp_auth.mail.rendering import Email, NotSent
from chirp_auth.models import OutboxEntry, SecurityEvent, Session, User
from chirp_auth.security import passwords, tokens
from chirp_auth.security.client import Client, device_in_words, shortened

LINK_LIFE = timedelta(days=3)


def request_link(email: str, client: Client) -> None:
    """Promise a verification link to whoever registered this address and has not confirmed it yet.

    As with a reset link, the account is not looked up here: the same work for every address.

    Raises:
        InvalidEmail: the address is not an address.
    """
    address = addresses.parse(email)
    outbox.put("email_verification", address.deliverable, reference=client.reference)
    audit.record("email_verification.requested", client, email_key=address.key)
    db.session.commit()


def compose_link(entry: OutboxEntry) -> Email:
    """Mint the link. It names the user and the address, so it dies when the address changes."""
    user = users.find(addresses.parse(entry.recipient).key)
    if user is None or user.disabled_at:
        raise NotSent("no account")
    if user.email_verified_at:
        raise NotSent("already confirmed")
    if not mail_caps.allow([entry]):
        mail_caps.withhold(entry, "email_verification.withheld", user.id)
    mark = tokens.mark_of(user.email_key)
    token = tokens.mint(tokens.EMAIL_VERIFICATION, user.id, entry.created_at, mark)
    return Email(
        addresses.parse(user.email).deliverable,
        {
            # No name, nor the part before the @: whoever typed them need not be who reads this.
            **_registration(user, entry),
            "link": f"{settings.public_url}/verify-email?token={token}",
            "life": in_words(LINK_LIFE),
            "expires_at": entry.created_at + LINK_LIFE,
        },
    )


def check_link(token: str) -> User:
    """Return whose address the link would confirm. Changes nothing.

    Raises:
        InvalidToken: not one of our links, or the address has changed since.
        TokenExpired: ours and genuine, but too old.
    """
    reference = tokens.read(tokens.EMAIL_VERIFICATION, token)
    user = db.session.get(User, reference.id)
    if user is None or user.disabled_at or reference.mark != tokens.mark_of(user.email_key):
        raise InvalidToken
    if now() - reference.minted_at > LINK_LIFE:
        raise TokenExpired
    return user


def check_open_link(token: str) -> User:
    """Return whose address the link would confirm, unless it is confirmed. Changes nothing.

    Raises:
        InvalidToken, TokenExpired: as for `check_link`.
        TokenAlreadyUsed: the address is confirmed.
    """
    user = check_link(token)
    if user.email_verified_at:
        raise TokenAlreadyUsed
    return user


def verify_email(token: str, client: Client, session: Session | None = None) -> User:
    """Confirm the address; a second time changes nothing and succeeds, for people click twice.

    Unless `session` is one of the account's own, all links die and all sessions end, but for one that the same device
    opened from the same address: whoever registered the address need not be who reads its mail, and must not stay
    signed in (pre-hijacking).

    Raises:
        InvalidToken, TokenExpired: as for `check_link`.
    """
    user = check_link(token)
    if _confirm(user):
        opened_there = session is not None and session.user_id == user.id
        ended = None if opened_there else _end_sessions(user, keep=_opened_by(client, user))
        audit.record("email.verified", client, user_id=user.id, email_key=user.email_key, ended=ended or 0)
    db.session.commit()
    db.session.refresh(user)
    return user


def verify_with_password(token: str, password: str, client: Client) -> Session:
    """Confirm the address for whoever knows the account's password; end all its sessions, and open a new one.

    Wrong passwords delay nobody here: whoever has the link could as well choose a new password.

    Raises:
        InvalidToken, TokenExpired, TokenAlreadyUsed: as for `check_open_link`.
        InvalidCredentials: the password is not right, or was changed meanwhile; nothing is confirmed.
        ServiceBusy: too many hashes are under way.
    """
    user = check_open_link(token)
    db.session.commit()  # End the read: no transaction stays open while a hash is computed.
    right = passwords.verify(password, user.password_hash)
    ended = _confirm_and_replace(user) if right else None
    if ended is None:
        db.session.rollback()
        audit.record("email.verified", client, outcome="wrong_password", user_id=user.id, email_key=user.email_key)
        db.session.commit()
        raise InvalidCredentials("That is not the password of this account.")
    db.session.refresh(user)
    session = sessions.add(user, client)
    audit.record("email.verified", client, user_id=user.id, email_key=user.email_key, ended=ended)
    audit.record("session.signed_in", client, user_id=user.id, email_key=user.email_key)
    db.session.commit()
    return session


def verify_with_new_password(token: str, password: str, confirmation: str, client: Client) -> User:
    """Confirm the address and set a new password: the one that was there opens nothing any more, all sessions end.

    Nobody is signed in by it, as by a reset.

    Raises:
        InvalidToken, TokenExpired, TokenAlreadyUsed: as for `check_open_link`.
        PasswordMismatch, PasswordTooWeak: the link stays good for another try.
        ServiceBusy: too many hashes are under way; likewise.
    """
    user = check_open_link(token)
    passwords.confirm(password, confirmation)
    passwords.check(password, (user.email, user.first_name, user.last_name))
    db.session.commit()  # End the read: no transaction stays open while a hash is computed.
    password_hash = passwords.hash_new(password)
    ended = _confirm_and_replace(user, password_hash=password_hash, password_changed_at=now(), **lockout.CLEARED)
    if ended is None:
        db.session.rollback()
        raise TokenAlreadyUsed
    audit.record("email.verified", client, user_id=user.id, email_key=user.email_key, ended=ended)
    audit.record("password.changed", client, user_id=user.id, ended=ended)
    outbox.put("password_changed", user.email, user.id, ended=ended, ip=client.ip, user_agent=client.user_agent)
    db.session.commit()
    return user


def _confirm(user: User) -> bool:
    """Confirm the address unless it is confirmed; the row is ours from then on, and the version as it is now."""
    confirming = (
        update(User)
        .where(User.id == user.id, User.email_key == user.email_key, User.email_verified_at.is_(None))
        .values(**users.confirmed(), updated_at=now())
        .returning(User.id)
    )
    return db.session.scalar(confirming) is not None


def _confirm_and_replace(user: User, **values: Any) -> int | None:
    """Confirm, and end all that was there before; None if somebody else was first since we read the user."""
    places = revocation.change_credentials(user, **values) if _confirm(user) else None
    return None if places is None else len(places)


def _opened_by(client: Client, user: User) -> UUID | None:
    """Return the newest session that this device opened from this address, for apps that send no token here."""
    opened = select(Session.id).where(
        Session.user_id == user.id,
        Session.revoked_at.is_(None),
        Session.ip == client.ip,
        Session.user_agent == client.user_agent,
    )
    return db.session.scalar(opened.order_by(Session.created_at.desc()).limit(1))


def _end_sessions(user: User, keep: UUID | None) -> int | None:
    db.session.refresh(user, ["credential_version"])  # The row is ours, so this is the one to raise.
    places = revocation.change_credentials(user, keep=keep)
    return None if places is None else len(places)


def _registration(user: User, entry: OutboxEntry) -> dict[str, Any]:
    """Return when and from where the account was registered, as long as nobody has confirmed it, for the mail."""
    events = select(SecurityEvent).where(SecurityEvent.user_id == user.id, SecurityEvent.kind == "user.registered")
    registered = db.session.scalar(events.order_by(SecurityEvent.id).limit(1)) if user.confirm_before else None
    if registered is None:
        return {"registered_at": None}
    return {
        "registered_at": registered.at,
        "device": device_in_words(registered.user_agent),
        "ip": shortened(registered.ip),
        "confirm_before": user.confirm_before,
        "not_me_link": unwanted_registration.link(user, entry.created_at),
    }
