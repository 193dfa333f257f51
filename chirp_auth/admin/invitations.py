"""Invitations: an account without a password, whose owner gets a link to choose one."""

from datetime import timedelta

from chirp_auth import audit
from chirp_auth.accounts import addresses, names, phone_numbers, registration, reset_links
from chirp_auth.clock import now
from chirp_auth.extensions import db, settings
from chirp_auth.mail import outbox
from chirp_auth.mail.rendering import Email, NotSent, language_of
from chirp_auth.models import OutboxEntry, PasswordResetToken, User
from chirp_auth.security.client import Client

LINK_LIFE = timedelta(days=7)


def invite(email: str, first_name: str | None, last_name: str | None, phone_number: str | None, client: Client) -> User:
    """Open an account on an operator's word and promise its owner a link to choose a password.

    Raises:
        InvalidEmail, ValidationFailed, EmailTaken, EmailReserved: with a sentence that says what to mend.
    """
    address = addresses.parse(email)
    user = User(
        email=address.typed,
        email_key=address.key,
        email_verified_at=now(),
        first_name=names.parse_optional("first_name", first_name),
        last_name=names.parse_optional("last_name", last_name),
        phone_number=phone_numbers.parse_optional(phone_number),
    )
    registration.add(user)
    outbox.put("invitation", address.deliverable, user.id, reference=client.reference)
    audit.record("user.invited", client, user_id=user.id, email_key=address.key)
    db.session.commit()
    return user


def compose_invitation(entry: OutboxEntry) -> Email:
    """Mint the link. Its row carries the entry's id, so composing again after a crash gives the same link."""
    user = db.session.get(User, entry.user_id)
    if user is None:
        raise NotSent("no account")
    if user.disabled_at:
        raise NotSent("account disabled")
    if user.password_hash:
        raise NotSent("has a password already")
    row = db.session.get(PasswordResetToken, entry.id) or _issue(entry, user)
    if row.used_at or row.revoked_at:
        raise NotSent("replaced by a newer link")
    if row.expires_at <= now():  # The mail server was away for longer than the link lives.
        row.created_at, row.expires_at = now(), now() + LINK_LIFE
    db.session.commit()
    token = reset_links.mint(row)
    return Email(
        addresses.parse(user.email).deliverable,
        {
            "link": f"{settings.frontend_url}{settings.password_reset_redirect_url}?token={token}",
            "life": LINK_LIFE,
            "expires_at": row.expires_at,
            "forgot_link": f"{settings.public_url}/forgot-password",
        },
        language_of(entry, user),
    )


def _issue(entry: OutboxEntry, user: User) -> PasswordResetToken:
    if not outbox.hold([entry]):
        raise NotSent("cancelled")
    row = PasswordResetToken(
        id=entry.id,
        user=user,
        credential_version=user.credential_version,
        created_at=now(),
        expires_at=now() + LINK_LIFE,
    )
    db.session.add(row)
    return row
