"""The mails of a delayed recovery: that one is open, with the button that stops it, and that it is done."""

from uuid import UUID

from chirp_auth.accounts import account_recovery, owner_mails
from chirp_auth.accounts.factors import factor_recovery
from chirp_auth.extensions import db, settings
from chirp_auth.mail.rendering import Email, NotSent
from chirp_auth.models import FactorRecovery, OutboxEntry
from chirp_auth.security.client import shortened


def compose_open(entry: OutboxEntry) -> Email:
    """Tell the owner who started it, until when it can be stopped, and how.

    Raises:
        NotSent: it was cancelled or finished since, or died with a change of the account.
    """
    recovery = db.session.get(FactorRecovery, UUID(entry.params["recovery"]), populate_existing=True)
    if recovery is None or factor_recovery.open_of(recovery.user_id) is not recovery:
        raise NotSent("not open any more")
    return owner_mails.compose(
        entry,
        started_at=recovery.started_at,
        due_at=recovery.due_at,
        user_agent=recovery.user_agent,
        ip=shortened(recovery.ip),
        link=factor_recovery.cancel_link(recovery),
    )


def compose_done(entry: OutboxEntry) -> Email:
    """Tell the owner that the second factors are off, and what to do if that was somebody else's doing."""
    return owner_mails.compose(
        entry,
        approved=entry.params.get("approved", False),
        sign_in_link=f"{settings.public_url}/login",
        life=account_recovery.LINK_LIFE,
        not_me_link=account_recovery.link(entry),
    )
