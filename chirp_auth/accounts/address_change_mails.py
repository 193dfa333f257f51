"""The mails of an address change: the link to the new address, and the notices of the change to both."""

from uuid import UUID

from chirp_auth.accounts import account_recovery, address_change, addresses, mail_caps, users
from chirp_auth.extensions import db, settings
from chirp_auth.mail.rendering import Email, NotSent, language_of, name_of
from chirp_auth.models import AddressChange, OutboxEntry
from chirp_auth.security import tokens
from chirp_auth.security.client import shortened


def compose_link(entry: OutboxEntry) -> Email:
    """Mint the link for the new address; if that has an account, no mail is sent."""
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
            "life": address_change.LINK_LIFE,
            "expires_at": change.created_at + address_change.LINK_LIFE,
        },
        language_of(entry, change.user),
    )


def compose_notice(entry: OutboxEntry) -> Email:
    """Tell the old or the new address of the change; the link in the mail to the old one undoes it."""
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
            "user_agent": entry.params.get("user_agent"),
            "ip": shortened(entry.params.get("ip")),
            "life": account_recovery.LINK_LIFE,
            "not_me_link": account_recovery.link(entry),
        },
        language_of(entry, change.user),
    )
