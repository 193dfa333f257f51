"""Users: finding one."""

from uuid import UUID

from sqlalchemy import bindparam, select

from chirp_auth.accounts import addresses
from chirp_auth.errors import InvalidEmail
from chirp_auth.extensions import db
from chirp_auth.models import User

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


def newest(limit: int) -> list[User]:
    """Return the users who registered last, newest first."""
    return list(db.session.scalars(select(User).order_by(User.created_at.desc(), User.id).limit(limit)))
