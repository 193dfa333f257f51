"""Former passwords: a reset must not restore a password that an attacker may know.

Whoever changes a password knew the old one. So a change and "this was not me" keep the hash of the password that they
replace, for as long as the link in their notice works. No former hash signs anybody in; a reset erases them.
"""

from datetime import timedelta

from sqlalchemy import update

from chirp_auth.clock import now
from chirp_auth.errors import PasswordReused
from chirp_auth.extensions import db
from chirp_auth.languages import Sentence
from chirp_auth.models import User
from chirp_auth.security import passwords
from chirp_auth.security.client import Client
from chirp_auth.security.hash_queue import Urgency

KEEP_FOR = timedelta(days=7)  # The life of the "this was not me" link in the notice of a change.
MAX_KEPT = 5  # A reset checks each of them: one bcrypt hash each.

PRESENT = Sentence("That is your present password. Choose a new one")
FORMER = Sentence("That was your password until recently. Choose a new one")


def kept_of(user: User) -> list[str] | None:
    """Return the hashes to keep when the user's present password is replaced or removed, newest first."""
    hashes = [*([user.password_hash] if user.password_hash else []), *(user.former_password_hashes or [])]
    return hashes[:MAX_KEPT] or None


def refusal_of(user: User, password: str, client: Client) -> PasswordReused | None:
    """Return why the present password and the former ones are refused; a user without any costs no hash.

    Raises:
        ServiceBusy: too many hashes are under way.
    """
    if user.password_hash and passwords.verify(password, user.password_hash, client, Urgency.RESET):
        return PasswordReused(PRESENT)
    former = user.former_password_hashes or []
    if any(passwords.verify(password, password_hash, client, Urgency.RESET) for password_hash in former):
        return PasswordReused(FORMER)
    return None


def forget_old() -> int:
    """Erase the former hashes of accounts whose last change is older than KEEP_FOR; return how many accounts.

    An account that "this was not me" left without a password keeps them until its reset.
    """
    forgetting = (
        update(User)
        .where(
            User.former_password_hashes.is_not(None),
            User.password_hash.is_not(None),
            User.password_changed_at < now() - KEEP_FOR,
        )
        .values(former_password_hashes=None, updated_at=User.updated_at)
        .returning(User.id)
    )
    count = len(db.session.scalars(forgetting).all())
    db.session.commit()
    return count
