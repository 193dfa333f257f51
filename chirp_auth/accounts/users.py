"""Users: finding one, and listing many."""

from collections.abc import Iterator
from datetime import datetime
from difflib import get_close_matches
from re import fullmatch, sub
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, or_, select

from chirp_auth.accounts import addresses
from chirp_auth.clock import now
from chirp_auth.errors import InvalidEmail
from chirp_auth.extensions import db, settings
from chirp_auth.models import User

MIN_SIMILAR_CHARACTERS, MAX_SIMILAR_CHARACTERS = 6, 64
MAX_COMPARED = 2000
TYPED = "abcdefghijklmnopqrstuvwxyz0123456789.@_-+"
LOCKED, UNVERIFIED, ACTIVE = "locked", "unverified", "active"

_BY_STATUS = {
    LOCKED: User.disabled_at.is_not(None),
    UNVERIFIED: User.disabled_at.is_(None) & User.email_verified_at.is_(None),
    ACTIVE: User.disabled_at.is_(None) & User.email_verified_at.is_not(None),
}
_BY_EMAIL_KEY = select(User).where(User.email_key == bindparam("email_key"))


def find(email_key: str) -> User | None:
    """Return the user whose address has this lookup form."""
    return db.session.scalar(_BY_EMAIL_KEY, {"email_key": email_key})


def find_by_id_or_email(text: str) -> User | None:
    """Return the user an operator names, by id or by address."""
    try:
        return db.session.get(User, UUID(text))
    except ValueError:
        pass
    try:
        return find(addresses.parse(text).key)
    except InvalidEmail:
        return None


def count() -> int:
    """Return how many users there are."""
    return db.session.scalar(select(func.count()).select_from(User)) or 0


def similar(text: str, at_most: int = 2) -> list[str]:
    """Return the addresses that an operator who mistyped one may have meant."""
    key = text.strip().casefold()
    if not MIN_SIMILAR_CHARACTERS <= len(key) <= MAX_SIMILAR_CHARACTERS:
        return []
    one_slip_away = User.email_key.in_(_one_slip_away(key))
    same_beginning = User.email_key.startswith(key[:3], autoescape=True)
    for close in (one_slip_away, same_beginning):
        found = db.session.scalars(select(User.email_key).where(close).limit(MAX_COMPARED))
        if similar := get_close_matches(key, found, n=at_most, cutoff=0.8):
            return similar
    return []


def _one_slip_away(key: str) -> set[str]:
    """Return what the text may have been before one letter was left out, added, mistaken or swapped with the next."""
    halves = [(key[:place], key[place:]) for place in range(len(key) + 1)]
    shorter = {head + tail[1:] for head, tail in halves if tail}
    swapped = {head + tail[1] + tail[0] + tail[2:] for head, tail in halves if len(tail) > 1}
    longer = {head + letter + tail for head, tail in halves for letter in TYPED}
    mistaken = {head + letter + tail[1:] for head, tail in halves if tail for letter in TYPED}
    return shorter | swapped | longer | mistaken


def status(user: User) -> str:
    """Return how an account stands: locked, unverified or active."""
    return LOCKED if user.disabled_at else ACTIVE if user.email_verified_at else UNVERIFIED


def confirmed() -> dict[str, Any]:
    """Return what is written to an account whose owner has shown to read its mail: it no longer expires."""
    return {"email_verified_at": now(), "confirm_before": None}


def is_usable(user: User) -> bool:
    """Say whether anything can be done with the account: where accounts are concealed, not before it is confirmed.

    Otherwise a stranger could register an address, sign in, and learn from the success that it was free.
    """
    return user.email_verified_at is not None or not settings.conceal_accounts


def listed(
    limit: int,
    *,
    search: str | None = None,
    status: str | None = None,
    since: datetime | None = None,
    after: User | None = None,
) -> Iterator[User]:
    """Yield users, newest first; a long list is read as it is used.

    Args:
        search: a part of an address, a name or a phone number, or an id.
        status: locked, unverified or active.
        since: only who registered at this moment or later.
        after: only who comes after this user in the list.
    """
    wanted = select(User).order_by(User.created_at.desc(), User.id.desc()).limit(limit)
    if search:
        wanted = wanted.where(_matches(search))
    if status:
        wanted = wanted.where(_BY_STATUS[status])
    if since:
        wanted = wanted.where(User.created_at >= since)
    if after:
        is_older = or_(User.created_at < after.created_at, User.id < after.id)
        wanted = wanted.where(User.created_at <= after.created_at, is_older)
    yield from db.session.scalars(wanted.execution_options(yield_per=500))


def _matches(search: str) -> ColumnElement[bool]:
    try:
        return User.id == UUID(search)
    except ValueError:
        part = search.strip().casefold()
        name = func.lower(func.coalesce(User.first_name, "") + " " + func.coalesce(User.last_name, ""))
        digits = sub(r"\D", "", part) if fullmatch(r"[\d\s()+./-]+", part) else ""
        found = User.email_key.contains(part, autoescape=True) | name.contains(part, autoescape=True)
        return found | User.phone_number.contains(digits) if digits else found
