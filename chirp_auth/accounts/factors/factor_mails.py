"""Mails to the owner about ways into the account: a second factor or passkey that was added, removed or used."""

from typing import Any, Literal

from chirp_auth.accounts import account_recovery, owner_mails
from chirp_auth.mail import outbox
from chirp_auth.mail.rendering import Email
from chirp_auth.models import OutboxEntry, User
from chirp_auth.security.client import Client, shortened

What = Literal[
    "authenticator_app_added",
    "authenticator_app_removed",
    "codes_guessed",
    "passkey_added",
    "passkey_removed",
    "passkey_suspected",
    "recovery_code_used",
    "recovery_codes_made",
    "removed_by_support",
]


def tell(what: What, user: User, client: Client, *, left: int | None = None, name: str | None = None) -> None:
    """Promise the mail in the caller's transaction; `left` counts recovery codes, `name` is a passkey's."""
    by_support = what == "removed_by_support"
    outbox.put(
        "factor_notice",
        user.email,
        user.id,
        what=what,
        left=left,
        passkey=name,
        ip=None if by_support else client.ip,
        user_agent=None if by_support else client.user_agent,
    )


def compose(entry: OutboxEntry) -> Email:
    """Tell the owner what became of a factor, when and from where, with the button for somebody else's doing."""
    values: dict[str, Any] = {name: entry.params.get(name) for name in ("what", "left", "passkey", "user_agent")}
    return owner_mails.compose(
        entry,
        **values,
        ip=shortened(entry.params.get("ip")),
        life=account_recovery.LINK_LIFE,
        not_me_link=account_recovery.link(entry),
    )
