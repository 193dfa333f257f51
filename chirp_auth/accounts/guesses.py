"""Guesses: proving a password, and the growing delay that wrong ones bring.

The delay begins with the fifth failure, is never longer than 15 minutes and never permanent. Failures count with
the account, but in a browser its owner has used they count there: so no stranger can keep the owner out. Whoever
asks gets the same answer for the same work, whether the account is unknown, delayed, disabled or the password
just wrong.
"""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import case, literal, null, or_, select, update

from chirp_auth.accounts import addresses, devices, not_me
from chirp_auth.clock import now
from chirp_auth.errors import InvalidCredentials
from chirp_auth.extensions import db, settings
from chirp_auth.mail import outbox
from chirp_auth.mail.compose import Letter, Nobody, composes, name_of
from chirp_auth.models import KnownDevice, Moment, OutboxEntry, User
from chirp_auth.security import audit, passwords
from chirp_auth.security.client import Client, device_in_words, shortened
from chirp_auth.words import in_words

FREE_FAILURES = 4
FIRST_DELAY = timedelta(seconds=15)
LONGEST_DELAY = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(days=1)  # Without a failure for so long, the next one is the first again.

CLEARED: dict[str, Any] = {"failed_sign_ins": 0, "sign_in_blocked_until": None}

Counter = User | KnownDevice


def prove(user: User | None, password: str, client: Client, kind: str, email_key: str) -> User:
    """Return the user if the password is theirs; `kind` names the attempt in the audit trail.

    Raises:
        InvalidCredentials: it is not, or a delay is not over, or there is no such account.
        ServiceBusy: too many hashes are under way; nothing was counted.
    """
    counter: Counter | None = devices.recognise(user, client.device) or user
    db.session.commit()  # End the read: no transaction stays open while a hash is computed.
    right = passwords.verify(password, user.password_hash if user else None)
    if _is_delayed(counter):
        outcome = "delayed"
    elif user and user.disabled_at:
        outcome = "disabled"
    elif user and right:
        return user
    else:
        outcome = "wrong_password" if user else "no_account"
    failures = _count_failure(counter if outcome == "wrong_password" else None)
    if user and counter is user and failures == FREE_FAILURES + 1:
        outbox.put("account_locked", user.email, user.id, ip=client.ip, user_agent=client.user_agent)
    audit.record(kind, client, outcome=outcome, user_id=user.id if user else None, email_key=email_key)
    db.session.commit()
    raise InvalidCredentials


@composes("account_locked")
def compose_account_locked(entry: OutboxEntry) -> Letter | Nobody:
    """Tell the owner, once until they sign in again, that somebody guesses."""
    user = db.session.get(User, entry.user_id)
    if user is None or user.disabled_at:
        return Nobody("no account")
    return Letter(
        addresses.parse(entry.recipient).deliverable,
        {
            "name": name_of(user),
            "failed_at": entry.created_at,
            "failures": FREE_FAILURES + 1,
            "longest": in_words(LONGEST_DELAY),
            "device": device_in_words(entry.params.get("user_agent")),
            "ip": shortened(entry.params.get("ip")),
            "reset_link": f"{settings.public_url}/forgot-password",
            "not_me_link": not_me.link(entry),
        },
    )


def _is_delayed(counter: Counter | None) -> bool:
    """Ask the database, after the hash: guesses made at once must not all rely on what they read before it."""
    table = _table(counter)
    until = db.session.scalar(
        select(table.sign_in_blocked_until).where(table.id == (counter.id if counter else uuid4()))
    )
    return until is not None and until > now()


def _count_failure(counter: Counter | None) -> int | None:
    """Add one to the count and set the delay it brings, in one statement; return the count.

    Where there is nothing to count, the same statement finds no row: the work is equal.
    """
    table = _table(counter)
    long_ago = table.sign_in_blocked_until < now() - FORGOTTEN_AFTER
    failures = case((long_ago, 1), else_=table.failed_sign_ins + 1)
    counting = (
        update(table)
        .where(
            table.id == (counter.id if counter else uuid4()),
            or_(table.sign_in_blocked_until.is_(None), table.sign_in_blocked_until <= now()),
        )
        .values(failed_sign_ins=failures, sign_in_blocked_until=_delayed_until(failures))
        .returning(table.failed_sign_ins)
    )
    return db.session.execute(counting, execution_options={"synchronize_session": False}).scalar()


def _delayed_until(failures: Any) -> Any:
    doublings = range((LONGEST_DELAY // FIRST_DELAY).bit_length())
    growing = [(failures == FREE_FAILURES + 1 + n, literal(now() + FIRST_DELAY * (1 << n), Moment)) for n in doublings]
    return case((failures <= FREE_FAILURES, null()), *growing, else_=literal(now() + LONGEST_DELAY, Moment))


def _table(counter: Counter | None) -> type[Counter]:
    return KnownDevice if isinstance(counter, KnownDevice) else User
