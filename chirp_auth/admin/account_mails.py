"""Mails about what operators did to an account."""

from chirp_auth.accounts import addresses, owner_mails
from chirp_auth.extensions import settings
from chirp_auth.mail.rendering import Email, language_of
from chirp_auth.models import OutboxEntry


def compose_address_replaced(entry: OutboxEntry) -> Email:
    """Tell the former address that the account has left it."""
    return owner_mails.compose(entry)


def compose_account_deleted(entry: OutboxEntry) -> Email:
    """Tell whose account it was that it was deleted; only the address is left to greet by."""
    values = {"deleted_at": entry.created_at, "by_owner": entry.params.get("by_owner", False)}
    return Email(addresses.parse(entry.recipient).deliverable, values, language_of(entry))


def compose_account_state(entry: OutboxEntry) -> Email:
    """Tell the owner that the account was locked, or unlocked."""
    return owner_mails.compose(entry, locked=entry.params["locked"], sign_in_link=f"{settings.public_url}/login")
