"""The table of mails: for each kind of outbox entry the rule that composes it."""

from collections.abc import Callable, Mapping, Sequence

from chirp_auth.accounts import (
    address_change_mails,
    email_verification_mail,
    lockout,
    password_change,
    registration,
    reset_links,
)
from chirp_auth.admin import accounts, invitations, support_links
from chirp_auth.mail.rendering import Email
from chirp_auth.models import OutboxEntry

Composer = Callable[[OutboxEntry], Email]

COMPOSERS: Mapping[str, Composer] = {
    "account_deleted": accounts.compose_account_deleted,
    "account_locked": lockout.compose_account_locked,
    "account_state": accounts.compose_account_state,
    "address_change": address_change_mails.compose_link,
    "address_changed": address_change_mails.compose_notice,
    "address_replaced": accounts.compose_address_replaced,
    "email_verification": email_verification_mail.compose_link,
    "existing_account": registration.compose_existing_account,
    "invitation": invitations.compose_invitation,
    "password_changed": password_change.compose_confirmation,
    "reset_link": reset_links.compose_link,
    "support_link": support_links.compose_notice,
}


def compose(entry: OutboxEntry) -> Email:
    """Return what the entry's mail says. It may be asked again for the same entry.

    Raises:
        NotSent: there is nobody to write to.
    """
    return COMPOSERS[entry.kind](entry)


def without_recipient(entries: Sequence[OutboxEntry]) -> list[OutboxEntry]:
    """Return the reset links that nobody gets: one query for the batch, as unknown addresses come in floods."""
    return list(reset_links.without_account([entry for entry in entries if entry.kind == "reset_link"]))
