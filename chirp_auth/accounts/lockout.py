"""Lockout: authenticate by password, and delay further tries after wrong ones.

The delay begins with the fifth failure in a row and grows to 15 minutes. From the hundredth on it is a day (NIST SP
800-63B-4, 3.2.2); it is never permanent. Failures are counted per account, except from a known device, which has its
own count: a stranger cannot lock the owner out there. Wrong codes of a second factor count with the authenticator app,
so that guesses at the password do not delay them. Only a sign-in, a reset, a change of password or an operator
clears a count; time does not. Response and work are the same, whether the account is unknown, delayed or disabled or
the password is wrong. Where accounts are concealed, an account with an unconfirmed address is treated like an unknown
one: nothing is counted, and its owner gets no mail about failures.
"""

from datetime import timedelta
from typing import Any, NoReturn
from uuid import uuid4

from sqlalchemy import ColumnElement, case, literal, null, or_, select, update

from chirp_auth import audit
from chirp_auth.accounts import account_recovery, addresses, known_devices, users
from chirp_auth.audit.vocabulary import Kind, OwnOutcome
from chirp_auth.clock import now
from chirp_auth.errors import InvalidCredentials
from chirp_auth.extensions import db, settings
from chirp_auth.mail import outbox
from chirp_auth.mail.rendering import Email, NotSent, language_of, name_of
from chirp_auth.models import AuthenticatorApp, KnownDevice, OutboxEntry, User, UtcDateTime
from chirp_auth.security import passwords
from chirp_auth.security.client import Client, shortened

FREE_FAILURES = 4
FIRST_DELAY = timedelta(seconds=15)
LONGEST_DELAY = timedelta(minutes=15)
MANY_FAILURES = 100
DELAY_AFTER_MANY = timedelta(days=1)
QUIET_AFTER = timedelta(days=1)  # One failure so long after a delay brings none: it may be the owner's typing error.

CLEARED: dict[str, Any] = {"failed_sign_ins": 0, "sign_in_blocked_until": None}

FailureCounts = User | KnownDevice | AuthenticatorApp


def authenticate(user: User | None, password: str, client: Client, kind: Kind, email_key: str) -> User:
    """Return the user if the password is theirs; `kind` is the kind of the audit event.

    Raises:
        InvalidCredentials: the password is wrong, a delay is not over, or there is no account that can be used.
        ServiceBusy: too many hashes are under way; nothing was counted.
    """
    counts: FailureCounts | None = known_devices.recognise(user, client.device) or user
    db.session.commit()  # End the read: no transaction stays open while a hash is computed.
    is_right = passwords.verify(password, user.password_hash if user else None, client)
    if _is_delayed(counts):
        outcome: OwnOutcome = "delayed"
    elif user and user.disabled_at:
        outcome = "disabled"
    elif user and not users.is_usable(user):
        outcome = "email_not_verified"
    elif user and is_right:
        db.session.commit()  # End the read again: the caller may hash a new password next.
        return user
    else:
        outcome = "wrong_password" if user else "no_account"
    raise _refused(user, counts if outcome == "wrong_password" else None, client, kind, outcome, email_key)


def refuse_password_alone(user: User, client: Client, kind: Kind) -> NoReturn:
    """Refuse a right password as a wrong one is refused, where a second factor is needed and cannot be shown.

    It counts like one, so that nobody can use a contract without second factors to find out a password.

    Raises:
        InvalidCredentials: always.
    """
    counts = known_devices.recognise(user, client.device) or user
    raise _refused(user, counts, client, kind, "needs_second_factor", user.email_key)


def compose_account_locked(entry: OutboxEntry) -> Email:
    """Tell the owner that somebody guesses: at an account's fifth failure in a row, and at each count's hundredth."""
    user = db.session.get(User, entry.user_id)
    if user is None or user.disabled_at:
        raise NotSent("no account")
    failures = entry.params.get("failures", FREE_FAILURES + 1)
    address = addresses.parse(entry.recipient)
    return Email(
        address.deliverable,
        {
            "name": name_of(user, address.key),
            "failed_at": entry.created_at,
            "failures": failures,
            "many": failures == MANY_FAILURES,
            "on_known_device": entry.params.get("on_known_device", False),
            "longest": DELAY_AFTER_MANY if failures == MANY_FAILURES else LONGEST_DELAY,
            "user_agent": entry.params.get("user_agent"),
            "ip": shortened(entry.params.get("ip")),
            "reset_link": f"{settings.public_url}/forgot-password",
            "not_me_link": account_recovery.link(entry),
        },
        language_of(entry, user),
    )


def claim_try(user: User, app: AuthenticatorApp, client: Client) -> tuple[FailureCounts, int | None]:
    """Count a failure before a second factor is judged, in the caller's transaction; `clear` takes it back.

    So of many guesses at once each is counted before the next one is judged: the row stays locked until the commit.

    Returns:
        What it counted with, and the count; None if a delay is not over.
    """
    counts: FailureCounts = known_devices.recognise(user, client.device) or app
    return counts, _count_failure(counts)


def clear(counts: FailureCounts) -> None:
    """Clear a count in the caller's transaction."""
    db.session.execute(update(_table(counts)).where(_is_row(counts)).values(**CLEARED))


def _tell_owner(user: User, counts: FailureCounts | None, failures: int, client: Client) -> None:
    """Promise a mail at the failure that brings the first delay or the longest; each comes once until cleared."""
    on_known_device = counts is not user
    if failures == MANY_FAILURES or (failures == FREE_FAILURES + 1 and not on_known_device):
        outbox.put(
            "account_locked",
            user.email,
            user.id,
            ip=client.ip,
            user_agent=client.user_agent,
            failures=failures,
            on_known_device=on_known_device,
        )


def _refused(
    user: User | None, counts: FailureCounts | None, client: Client, kind: Kind, outcome: OwnOutcome, email_key: str
) -> InvalidCredentials:
    """Count, record and commit a refusal, and return it."""
    failures = _count_failure(counts)
    if user and failures:
        _tell_owner(user, counts, failures, client)
    audit.record(kind, client, outcome=outcome, user_id=user.id if user else None, email_key=email_key)
    db.session.commit()
    return InvalidCredentials()


def _is_delayed(counts: FailureCounts | None) -> bool:
    """Ask the database after the hash: concurrent guesses must not all rely on what they read before it."""
    query = select(_table(counts).sign_in_blocked_until).where(_is_row(counts))
    blocked_until = db.session.scalar(query)
    return blocked_until is not None and blocked_until > now()


def _count_failure(counts: FailureCounts | None) -> int | None:
    """Add one to the count and set the delay that it brings, in one statement; return the count.

    Where there is nothing to count, the same statement matches no row, so that the work is equal.
    """
    table = _table(counts)
    failures = table.failed_sign_ins + 1
    is_quiet = table.sign_in_blocked_until < now() - QUIET_AFTER
    many = (failures >= MANY_FAILURES, literal(now() + DELAY_AFTER_MANY, UtcDateTime))
    # A failure after a quiet day moves the time on without a delay, so that the next failure brings one.
    delayed_until = case(many, (is_quiet, literal(now(), UtcDateTime)), else_=_delayed_until(failures))
    counting = (
        update(table)
        .where(
            _is_row(counts),
            or_(table.sign_in_blocked_until.is_(None), table.sign_in_blocked_until <= now()),
        )
        .values(failed_sign_ins=failures, sign_in_blocked_until=delayed_until)
        .returning(table.failed_sign_ins)
    )
    return db.session.scalar(counting)


def _delayed_until(failures: Any) -> Any:
    doublings = range((LONGEST_DELAY // FIRST_DELAY).bit_length())
    delays = [
        (failures == FREE_FAILURES + 1 + n, literal(now() + FIRST_DELAY * (1 << n), UtcDateTime)) for n in doublings
    ]
    return case((failures <= FREE_FAILURES, null()), *delays, else_=literal(now() + LONGEST_DELAY, UtcDateTime))


def _table(counts: FailureCounts | None) -> type[FailureCounts]:
    return type(counts) if counts else User


def _is_row(counts: FailureCounts | None) -> ColumnElement[bool]:
    """Return the condition for the row that counts; without one it holds for no row, at the same cost."""
    if isinstance(counts, AuthenticatorApp):
        return AuthenticatorApp.user_id == counts.user_id
    table = KnownDevice if isinstance(counts, KnownDevice) else User
    return table.id == (counts.id if counts else uuid4())
