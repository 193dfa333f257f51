"""Personal data: everything about an account that its owner may take away (GDPR, Articles 15 and 20).

Neither a hash nor anything that opens a door is in it. The newest events come first and end at MAX_EVENTS: a flood of
wrong passwords must not make a file that no server can hold.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from chirp_auth import audit
from chirp_auth.accounts import account_recovery, owner_mails, policy
from chirp_auth.accounts.factors import fresh_proof
from chirp_auth.audit import queries
from chirp_auth.clock import now
from chirp_auth.errors import RateLimitExceeded
from chirp_auth.extensions import Model, db
from chirp_auth.formatting import iso
from chirp_auth.mail import outbox
from chirp_auth.mail.rendering import Email
from chirp_auth.models import (
    AddressChange,
    AuthenticatorApp,
    FactorRecovery,
    KnownDevice,
    OutboxEntry,
    Passkey,
    RecoveryCode,
    SecurityEvent,
    Session,
    User,
)
from chirp_auth.security.client import Client, shortened

MAX_PER_HOUR = 3  # For one account, each of whose downloads brings a mail.
MAX_EVENTS = 10_000

_ACCOUNT = (
    *("id", "email", "email_verified_at", "first_name", "last_name", "phone_number", "locale", "created_at"),
    *("updated_at", "last_sign_in_at", "password_changed_at", "password_reset_requested_at", "password_reset_at"),
)
_SESSION = ("id", "face", "created_at", "last_seen_at", "expires_at", "revoked_at", "ip", "user_agent")
_EVENT = ("id", "at", "kind", "outcome", "face", "ip", "user_agent")
_DEVICE = ("created_at", "last_used_at")
_APP = ("created_at", "confirmed_at", "last_used_at")
_CODE = ("created_at", "used_at")
_PASSKEY = ("id", "name", "created_at", "last_used_at", "may_sync", "is_synced")
_RECOVERY = ("started_at", "due_at", "told_at", "cancelled_at", "done_at", "ip", "user_agent")
_CHANGE = ("old_email", "new_email", "created_at", "confirmed_at", "undone_at")


def download(session: Session, password: str, client: Client) -> dict[str, Any]:
    """Return all that is kept about the account, but no secret, as JSON; tell the owner by mail.

    Raises:
        FreshProofRequired: see `policy`.
        InvalidCredentials: the password is wrong; counted like a failed sign-in.
        RateLimitExceeded: the account has been downloaded MAX_PER_HOUR times.
        ServiceBusy: too many hashes are under way.
    """
    user = session.user
    fresh_proof.show_password(policy.Act.DOWNLOAD_DATA, session, password, client, "data.downloaded")
    db.session.execute(select(User.id).where(User.id == user.id).with_for_update())  # Concurrent ones count in turn.
    audit.record("data.downloaded", client, user_id=user.id, email_key=user.email_key)
    if _count_recent(user) > MAX_PER_HOUR:
        db.session.rollback()
        audit.record("data.downloaded", client, outcome="too_many", user_id=user.id)
        db.session.commit()
        raise RateLimitExceeded(timedelta(hours=1))
    outbox.put("data_downloaded", user.email, user.id, ip=client.ip, user_agent=client.user_agent)
    data = _data_of(user)
    db.session.commit()
    return data


def compose_notice(entry: OutboxEntry) -> Email:
    """Tell the owner that the data was downloaded: when and from where."""
    return owner_mails.compose(
        entry,
        user_agent=entry.params.get("user_agent"),
        ip=shortened(entry.params.get("ip")),
        not_me_link=account_recovery.link(entry),
    )


def _count_recent(user: User) -> int:
    query = (
        select(func.count())
        .select_from(SecurityEvent)
        .where(
            SecurityEvent.user_id == user.id,
            SecurityEvent.kind == "data.downloaded",
            SecurityEvent.outcome == "ok",
            SecurityEvent.at > now() - timedelta(hours=1),
        )
    )
    return db.session.scalar(query) or 0


def _data_of(user: User) -> dict[str, Any]:
    page = queries.page_of(user, MAX_EVENTS)
    return {
        "downloaded_at": iso(now()),
        "account": _fields(user, _ACCOUNT),
        "sessions": _rows(_of(Session, user), _SESSION),
        "known_devices": _rows(_of(KnownDevice, user), _DEVICE),
        "address_changes": _rows(_of(AddressChange, user), _CHANGE),
        "authenticator_app": next(iter(_rows(_of(AuthenticatorApp, user), _APP)), None),
        "recovery_codes": _rows(_of(RecoveryCode, user), _CODE),
        "passkeys": _rows(_of(Passkey, user), _PASSKEY),
        "factor_recoveries": _rows(_of(FactorRecovery, user, FactorRecovery.started_at), _RECOVERY),
        "events": _rows(page.events, _EVENT),
        "older_events_left_out": page.next is not None,
    }


def _of(model: Any, user: User, since: Any = None) -> Iterable[Model]:
    query = (
        select(model).where(model.user_id == user.id).order_by((model.created_at if since is None else since).desc())
    )
    return db.session.scalars(query)


def _rows(found: Iterable[Model], names: Iterable[str]) -> list[Mapping[str, Any]]:
    names = tuple(names)
    return [_fields(row, names) for row in found]


def _fields(row: Model, names: Iterable[str]) -> Mapping[str, Any]:
    return {name: _plain(getattr(row, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    return str(value) if isinstance(value, UUID) else value
