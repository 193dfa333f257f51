"""Email verification: proving that an address belongs to whoever registered it."""

from datetime import timedelta

from sqlalchemy import update

from chirp_auth.accounts import addresses, mail_caps, users
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken, TokenExpired
from chirp_auth.extensions import db, settings
from chirp_auth.mail import outbox
from chirp_auth.mail.compose import Letter, Nobody, composes
from chirp_auth.models import OutboxEntry, User
from chirp_auth.security import audit, tokens
from chirp_auth.security.client import Client
from chirp_auth.words import in_words

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


@composes("email_verification")
def compose_link(entry: OutboxEntry) -> Letter | Nobody:
    """Mint the link. It names the user and the address, so it dies when the address changes."""
    user = users.find(addresses.parse(entry.recipient).key)
    if user is None or user.disabled_at:
        return Nobody("no account")
    if user.email_verified_at:
        return Nobody("already confirmed")
    if not mail_caps.allow([entry]):
        return mail_caps.withhold(entry, "email_verification.withheld", user.id)
    token = tokens.mint(tokens.EMAIL_VERIFICATION, user.id, entry.created_at, tokens.mark_of(user.email_key))
    return Letter(
        addresses.parse(user.email).deliverable,
        {
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


def verify_email(token: str, client: Client) -> User:
    """Confirm the address; a second time changes nothing and succeeds, for people click twice.

    Raises:
        InvalidToken, TokenExpired: as for `check_link`.
    """
    user = check_link(token)
    confirming = (
        update(User)
        .where(User.id == user.id, User.email_key == user.email_key, User.email_verified_at.is_(None))
        .values(email_verified_at=now(), updated_at=now())
    )
    db.session.execute(confirming, execution_options={"synchronize_session": False})
    audit.record("email.verified", client, user_id=user.id, email_key=user.email_key)
    db.session.commit()
    db.session.refresh(user)
    return user
