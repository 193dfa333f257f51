"""The notice of a sign-in from a device that its owner has not used before.

A browser is known by its cookie, an app by its kind: its name and system, whatever the version. A refresh opens no
session and is no sign-in. Only who has the password comes here, so the time it takes tells nobody else anything.
"""

import re
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, select

from chirp_auth.accounts import account_recovery, known_devices, owner_mails
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.mail import outbox
from chirp_auth.mail.rendering import Email
from chirp_auth.models import OutboxEntry, Session, User
from chirp_auth.security.client import BROWSER, UNKNOWN_DEVICE, Client, device_in_words, shortened

KIND = "new_sign_in"
MAX_PER_HOUR = 3
HOUR = timedelta(hours=1)
FIRST_DAY = timedelta(days=1)


def is_first(user: User) -> bool:
    """Say whether nobody has signed in to the account since it was opened: then no device can be new to it.

    A registration opens a session itself, so a first sign-in long after it is like any other.
    """
    if user.last_sign_in_at:
        return False
    return now() - user.created_at < FIRST_DAY or not _has(Session.user_id == user.id)


def promise(user: User, client: Client) -> None:
    """Add the notice to the transaction if the device is new; before the session is added.

    The transaction holds the user's row: of two sign-ins at once, the second one sees the first one's notice. A mailbox
    that is not confirmed gets none, and beyond MAX_PER_HOUR none is sent: their owner knows by then.
    """
    if user.email_verified_at is None or _is_known(user, client):
        return
    lately = (OutboxEntry.user_id == user.id, OutboxEntry.kind == KIND, OutboxEntry.created_at > now() - HOUR)
    told = db.session.scalars(select(OutboxEntry.params).where(*lately)).all()
    if len(told) >= MAX_PER_HOUR or any(_is_of(params, client) for params in told):
        return
    language = user.locale  # Not the client's, who may be a thief from elsewhere.
    outbox.put(KIND, user.email, user.id, ip=client.ip, user_agent=client.user_agent, language=language)


def compose(entry: OutboxEntry) -> Email:
    """Tell the owner when and from where somebody signed in."""
    return owner_mails.compose(
        entry,
        user_agent=entry.params.get("user_agent"),
        ip=shortened(entry.params.get("ip")),
        life=account_recovery.LINK_LIFE,
        not_me_link=account_recovery.link(entry),
    )


def _is_known(user: User, client: Client) -> bool:
    if client.face == BROWSER:
        return known_devices.was_used(user, client.device)
    same_face = (Session.user_id == user.id, Session.face == client.face)
    if _has(*same_face, Session.user_agent == client.user_agent):
        return True
    used = db.session.scalars(select(Session.user_agent).where(*same_face).distinct())
    return _kind(client.user_agent) in {_kind(user_agent) for user_agent in used}


def _has(*conditions: ColumnElement[bool]) -> bool:
    return bool(db.session.scalar(select(exists().where(*conditions))))


def _is_of(params: dict[str, Any], client: Client) -> bool:
    return params.get("ip") == client.ip and _kind(params.get("user_agent")) == _kind(client.user_agent)


def _kind(user_agent: str | None) -> str:
    """Return the device in words; of one that has none, the first word of what it calls itself, without a version."""
    named = device_in_words(user_agent)
    return named if named != UNKNOWN_DEVICE else re.split(r"[/\s]", user_agent or "")[0]
