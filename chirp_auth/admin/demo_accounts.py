"""The demo accounts: something to sign in with a minute after the first start. In development only.

Their password is printed and lies in a file, so production removes those that a database brought along.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import choice

import structlog
from sqlalchemy import select

from chirp_auth.accounts import erasure, registration, users
from chirp_auth.accounts.registration import Applicant
from chirp_auth.admin import accounts
from chirp_auth.extensions import db, settings
from chirp_auth.models import SecurityEvent, User
from chirp_auth.security import passwords
from chirp_auth.security.client import Client

EMAIL = "demo@example.com"
STATUSES = {"Demo": users.ACTIVE, "Unverified": users.UNVERIFIED, "Locked": users.LOCKED}
WORDS = (
    "amber anchor apple aspen badger bamboo basil beacon birch bison blossom breeze bronze brook cactus candle "
    "canyon carbon cedar cinder citrus clover cobalt comet copper cotton crater cricket cypress dahlia delta desert "
    "dolphin dune eagle ember falcon fern fjord flint forest fossil garnet geyser ginger glacier granite grove "
    "harbor hazel heron hickory iris island ivory jasmine juniper kelp kestrel lantern larch lichen linen lotus "
    "magnet mango maple marble meadow melon mesa mint mist mosaic nectar nickel oasis ocean olive onyx opal orchid "
    "osprey otter oyster panda papaya pebble pepper pewter pigeon pine plum pollen poppy prairie quartz raven reef "
    "ridge river robin saffron sage salmon sand sequoia shale sierra silver slate sparrow spruce summit sunset "
    "tamarind teal thistle thunder timber tulip tundra turtle valley velvet violet walnut willow"
)

log = structlog.get_logger("demo")


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """What to sign in with; no password where the account was given another one than ours."""

    email: str
    password: str | None


def ensure_account() -> DemoAccount | None:
    """Return the demo account, created on an empty database; None if the database has only other users."""
    password = _kept_password()
    client = Client("cli", actor="first start")
    user = users.find(EMAIL)
    if user is None:
        if users.count():
            return None
        registration.create(Applicant(EMAIL, password, "Demo", "Account"), client)
        return DemoAccount(EMAIL, password)
    password_hash = user.password_hash
    db.session.commit()  # End the read: hashing may wait.
    return DemoAccount(EMAIL, password if passwords.verify(password, password_hash, client) else None)


def create_missing(client: Client) -> list[tuple[str, str]]:
    """Create the missing ones of one account of each status; return their addresses and statuses."""
    password = _kept_password()
    result = []
    for first_name, status in STATUSES.items():
        email = _address(first_name)
        user = users.find(email)
        if user is None:
            user = registration.create(Applicant(email, password, first_name, "Account"), client)
            if status == users.LOCKED:
                accounts.lock(user, "demo", client)
            elif status == users.UNVERIFIED:
                user.email_verified_at = None
                db.session.commit()
            db.session.refresh(user)
        result.append((email, users.status(user)))
    return result


def left_over() -> Sequence[User]:
    """Return the accounts under a demo address that were created at the command line."""
    created_here = select(SecurityEvent.id).where(
        SecurityEvent.user_id == User.id, SecurityEvent.kind == "user.created", SecurityEvent.face == "cli"
    )
    return db.session.scalars(
        select(User).where(User.email_key.in_(map(_address, STATUSES)), created_here.exists())
    ).all()


def remove(client: Client) -> None:
    """Erase the demo accounts, with whatever is open in them."""
    users = left_over()
    for user in users:
        erasure.erase(user, client, User.email_key == user.email_key, reason="demo account")
    db.session.commit()
    if users:
        log.warning("demo accounts removed", accounts=len(users))


def remove_from_production() -> None:
    """Do what our own server does at its start, for production under another one."""
    if settings.in_production:
        remove(Client(face="worker", actor="worker"))


def _address(first_name: str) -> str:
    return f"{first_name.lower()}@example.com"


def _kept_password() -> str:
    """Return the demo account's password: created once, strong by our own rules, kept beside the database."""
    kept = settings.beside_database("demo-password")
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.touch(mode=0o600)
        kept.write_text("-".join(choice(WORDS.split()) for _ in range(4)), encoding="utf-8")
    return kept.read_text(encoding="utf-8")
