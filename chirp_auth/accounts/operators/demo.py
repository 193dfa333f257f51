"""The demo account: something to sign in with a minute after the first start. In development only."""

from dataclasses import dataclass
from secrets import choice

from sqlalchemy import select

from chirp_auth.accounts import registration, users
from chirp_auth.accounts.operators import administration
from chirp_auth.accounts.registration import Applicant
from chirp_auth.extensions import db, settings
from chirp_auth.models import User
from chirp_auth.security.client import Client

EMAIL = "demo@example.com"
CAST = {"Demo": users.ACTIVE, "Unverified": users.UNVERIFIED, "Locked": users.LOCKED}
WORDS = "amber birch canyon delta ember fjord garnet harbor island juniper kelp lagoon meadow nectar orchid pebble"


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """What to type."""

    email: str
    password: str


def ensure_account() -> DemoAccount | None:
    """Return the demo account, made on an empty database; None if the database has other users instead."""
    password = _kept_password()
    known = db.session.scalar(select(User.password_reset_at.is_(None)).where(User.email_key == EMAIL))
    if known is None:
        if users.count():
            return None
        registration.create(Applicant(EMAIL, password, "Demo", "Account"), Client("cli", actor="first start"))
    return DemoAccount(EMAIL, password)


def ensure_cast(client: Client) -> list[tuple[str, str]]:
    """Make sure of one account of each status, all with the demo password; return their addresses and statuses."""
    password = _kept_password()
    found = []
    for first_name, wanted in CAST.items():
        email = f"{first_name.lower()}@example.com"
        user = users.find(email)
        if user is None:
            user = registration.create(Applicant(email, password, first_name, "Account"), client)
            if wanted == users.LOCKED:
                administration.lock(user, "demo", client)
            elif wanted == users.UNVERIFIED:
                user.email_verified_at = None
                db.session.commit()
            db.session.refresh(user)
        found.append((email, users.status(user)))
    return found


def _kept_password() -> str:
    """Return the demo account's password: made once, strong by our own rules, kept beside the database."""
    kept = settings.beside_database("demo-password")
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.touch(mode=0o600)
        kept.write_text("-".join(choice(WORDS.split()) for _ in range(4)), encoding="utf-8")
    return kept.read_text(encoding="utf-8")
