"""Users: finding one, and listing many."""

from collections.abc import Collection, Iterator
from datetime import datetime
from difflib import get_close_matches
from re import fullmatch, sub
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, bindparam, case, func, literal_column, null, or_, select

from chirp_auth import rows
from chirp_auth.accounts import addresses, typos
from chirp_auth.clock import now
from chirp_auth.errors import InvalidEmail
from chirp_auth.extensions import db, settings
from chirp_auth.models import User

MIN_SIMILAR_CHARACTERS, MAX_SIMILAR_CHARACTERS = 6, 64
MAX_COMPARED = 2000
LOCKED, UNVERIFIED, ACTIVE = "locked", "unverified", "active"

_BY_STATUS = {
    LOCKED: User.disabled_at.is_not(None),
    UNVERIFIED: User.disabled_at.is_(None) & User.email_verified_at.is_(None),
    ACTIVE: User.disabled_at.is_(None) & User.email_verified_at.is_not(None),
}
# As text, without parameters: PostgreSQL's index of 0011 serves exactly this expression.
_NAME = literal_column("lower(coalesce(users.first_name, '') || ' ' || coalesce(users.last_name, ''))", String())
_BY_EMAIL_KEY = select(User).where(User.email_key == bindparam("email_key"))


def find(email_key: str) -> User | None:
    """Return the user whose address has this lookup form."""
    return db.session.scalar(_BY_EMAIL_KEY, {"email_key": email_key})


def find_all(email_keys: Collection[str]) -> dict[str, User]:
    """Return the users whose addresses have these lookup forms, by them."""
    return {user.email_key: user for user in db.session.scalars(select(User).where(User.email_key.in_(email_keys)))}


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
    """Return the addresses of accounts that an operator who mistyped one may have meant."""
    key = text.strip().casefold()
    if not MIN_SIMILAR_CHARACTERS <= len(key) <= MAX_SIMILAR_CHARACTERS:
        return []
    one_slip_away = User.email_key.in_(typos.one_slip_from(key))
    same_beginning = User.email_key.startswith(key[:3], autoescape=True)
    for condition in (one_slip_away, same_beginning):
        candidates = db.session.scalars(select(User.email_key).where(condition).limit(MAX_COMPARED))
        if matches := get_close_matches(key, candidates, n=at_most, cutoff=0.8):
            return matches
    return []


def status(user: User) -> str:
    """Return the account's status: locked, unverified or active."""
    return LOCKED if user.disabled_at else ACTIVE if user.email_verified_at else UNVERIFIED


def confirmed() -> dict[str, Any]:
    """Return the values that confirm an account's address, so that the account no longer expires."""
    return {"email_verified_at": now(), "confirm_before": None}


def kept() -> dict[str, Any]:
    """Return the values that cancel a deletion by the owner; a lock by an operator stays."""
    return {
        "deletion_requested_at": None,
        "disabled_at": case((~is_locked_by_operator(), null()), else_=User.disabled_at),
    }


def is_locked_by_operator() -> ColumnElement[bool]:
    """Return the condition for accounts that are locked, and not only disabled until their deletion."""
    only_waits = User.deletion_requested_at.is_not(None) & (User.disabled_at == User.deletion_requested_at)
    return User.disabled_at.is_not(None) & ~only_waits


def use_language(user: User, language: str | None) -> None:
    """Note, in the caller's transaction, which language the user reads: their mails are written in it."""
    if language and language != user.locale:
        user.locale = language


def is_usable(user: User) -> bool:
    """Say whether the account can be used: where accounts are concealed, only once its address is confirmed.

    Otherwise a stranger could register an address, sign in, and learn that it had no account before.
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
    """Return users, newest first.

    Args:
        search: a part of an address, a name or a phone number, or an id.
        status: locked, unverified or active.
        since: only users registered at this moment or later.
        after: only users after this one in the list.
    """
    query = select(User).order_by(User.created_at.desc(), User.id.desc())
    if search:
        query = query.where(_matches(search))
    if status:
        query = query.where(_BY_STATUS[status])
    if since:
        query = query.where(User.created_at >= since)
    if after:
        is_older = or_(User.created_at < after.created_at, User.id < after.id)
        query = query.where(User.created_at <= after.created_at, is_older)
    return rows.of(query, limit)


def _matches(search: str) -> ColumnElement[bool]:
    try:
        return User.id == UUID(search)
    except ValueError:
        part = search.strip().casefold()
        digits = sub(r"\D", "", part) if fullmatch(r"[\d\s()+./-]+", part) else ""
        matches = User.email_key.contains(part, autoescape=True) | _name_contains(part)
        return matches | User.phone_number.contains(digits) if digits else matches


def _name_contains(part: str) -> ColumnElement[bool]:
    whole = _NAME.contains(part, autoescape=True)
    if db.engine.dialect.name != "sqlite":
        return whole
    # SQLite reads all accounts, and joining and lowering their names takes longer than the rest. Its LIKE ignores the
    # case of ASCII letters, as its lower() does. A word lies within one name: only several need the joined ones.
    word = max(part.split(), key=len, default="")
    in_one = User.first_name.contains(word, autoescape=True) | User.last_name.contains(word, autoescape=True)
    return in_one if word == part else in_one & whole
