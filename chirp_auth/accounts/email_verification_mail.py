"""The mail that asks to confirm an address, with a link for whoever did not register."""

from typing import Any

from sqlalchemy import select

from chirp_auth.accounts import addresses, email_verification, mail_caps, unwanted_registration, users
from chirp_auth.extensions import db, settings
from chirp_auth.mail.rendering import Email, NotSent, language_of
from chirp_auth.models import OutboxEntry, SecurityEvent, User
from chirp_auth.security import tokens
from chirp_auth.security.client import shortened


def compose_link(entry: OutboxEntry) -> Email:
    """Mint the link. It names the user and the address, so it dies when the address changes."""
    user = users.find(addresses.parse(entry.recipient).key)
    if user is None or user.disabled_at:
        raise NotSent("no account")
    if user.email_verified_at:
        raise NotSent("already confirmed")
    if not mail_caps.allow([entry]):
        mail_caps.withhold(entry, "email_verification.withheld", user.id)
    # Neither name nor local part: somebody else may have typed them.
    return _email(entry, user, _registration(user, entry))


def decoy(entry: OutboxEntry) -> Email:
    """Return a mail from sample data: the worker composes it where nobody is to be written to, and throws it away."""
    sample = User(id=entry.id, email="decoy@example.com", email_key="decoy@example.com")
    return _email(entry, sample, {"registered_at": None})


def _email(entry: OutboxEntry, user: User, registration: dict[str, Any]) -> Email:
    mark = tokens.mark_of(user.email_key)
    token = tokens.mint(tokens.EMAIL_VERIFICATION, user.id, entry.created_at, mark)
    return Email(
        addresses.parse(user.email).deliverable,
        {
            **registration,
            "link": f"{settings.public_url}/verify-email?token={token}",
            "life": email_verification.LINK_LIFE,
            "expires_at": entry.created_at + email_verification.LINK_LIFE,
        },
        language_of(entry, user),
    )


def _registration(user: User, entry: OutboxEntry) -> dict[str, Any]:
    """Return when and from where the account was registered, as long as it is not confirmed."""
    events = select(SecurityEvent).where(SecurityEvent.user_id == user.id, SecurityEvent.kind == "user.registered")
    event = db.session.scalar(events.order_by(SecurityEvent.id).limit(1)) if user.confirm_before else None
    if event is None:
        return {"registered_at": None}
    return {
        "registered_at": event.at,
        "user_agent": event.user_agent,
        "ip": shortened(event.ip),
        "confirm_before": user.confirm_before,
        "not_me_link": unwanted_registration.link(user, entry.created_at),
    }
