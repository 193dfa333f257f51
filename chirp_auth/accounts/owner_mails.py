"""Mails to the owner of an account about something that happened to it."""

from typing import Any

from chirp_auth.accounts import addresses
from chirp_auth.extensions import db
from chirp_auth.mail.rendering import Email, NotSent, language_of, name_of
from chirp_auth.models import OutboxEntry, User


def compose(entry: OutboxEntry, **values: Any) -> Email:
    """Return the mail that greets the owner by name and says when it happened, with these values more.

    Raises:
        NotSent: the account was deleted.
    """
    user = db.session.get(User, entry.user_id)
    if user is None:
        raise NotSent("no account")
    address = addresses.parse(entry.recipient)
    values = {"name": name_of(user, address.key), "changed_at": entry.created_at, **values}
    return Email(address.deliverable, values, language_of(entry, user))
