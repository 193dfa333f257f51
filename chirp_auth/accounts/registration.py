"""Registration: opening an account."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement
from sqlalchemy.exc import IntegrityError

from chirp_auth import audit
from chirp_auth.accounts import account_recovery, addresses, mail_caps, names, phone_numbers, sessions, users
from chirp_auth.accounts.addresses import Address
from chirp_auth.clock import now
from chirp_auth.errors import AuthError, EmailReserved, EmailTaken
from chirp_auth.extensions import db, settings
from chirp_auth.mail import outbox
from chirp_auth.mail.rendering import Email, NotSent, language_of, name_of
from chirp_auth.models import OutboxEntry, Session, User
from chirp_auth.security import passwords
from chirp_auth.security.client import Client
from chirp_auth.security.hash_queue import Urgency

CONFIRM_WITHIN = timedelta(days=7)  # Then an unconfirmed account is deleted (see `admin.retention`).


@dataclass(frozen=True, slots=True)
class Applicant:
    """The input of a registration, as it was typed."""

    email: str
    password: str
    first_name: str | None = None
    last_name: str | None = None
    phone_number: str | None = None
    password_hash: str | None = None  # Of a password that `faults` accepted; then `password` is not looked at.


def faults(applicant: Applicant) -> dict[str, AuthError]:
    """Return all that `register` would refuse one after the other, by field; not whether the address is taken."""
    checks: dict[str, Callable[[], object]] = {
        "first_name": lambda: names.parse_optional("first_name", applicant.first_name),
        "last_name": lambda: names.parse_optional("last_name", applicant.last_name),
        "phone_number": lambda: phone_numbers.parse_optional(applicant.phone_number),
        "password": lambda: _check_password(applicant),
    }
    found: dict[str, AuthError] = {}
    for field, check in checks.items():
        try:
            check()
        except AuthError as error:
            found[field] = error
    return found


def is_told_taken(email: str) -> bool:
    """Say whether `register` would tell that the address has an account; where accounts are concealed, never.

    Raises:
        InvalidEmail: the address is not an address.
    """
    return not settings.conceal_accounts and users.find(addresses.parse(email).key) is not None


def register(applicant: Applicant, client: Client, max_age: timedelta = sessions.MAX_AGE) -> Session | None:
    """Open an account, mail its owner a link to confirm the address, and sign them in for `max_age` at most.

    Returns:
        The new session; None where accounts are concealed: then the result is the same for every address, and the
        owner of an existing account gets a mail.

    Raises:
        InvalidEmail, ValidationFailed, PasswordTooWeak: the sentence says what to correct.
        EmailTaken: the address has an account; never where accounts are concealed.
    """
    address = addresses.parse(applicant.email)
    user = _new_user(applicant, address, client)
    user.confirm_before = now() + CONFIRM_WITHIN
    if not _add_unless_taken(user):
        _refuse(address, client)
        return None
    outbox.put("email_verification", user.email, user.id)
    audit.record("user.registered", client, user_id=user.id, email_key=address.key)
    session = None if settings.conceal_accounts else sessions.add(user, client, max_age)
    db.session.commit()
    return session


def create(applicant: Applicant, client: Client) -> User:
    """Open an account for an operator: its address counts as confirmed, and nobody is signed in.

    Raises:
        InvalidEmail, ValidationFailed, PasswordTooWeak, EmailTaken: as for `register`.
        EmailReserved: as for `add`.
    """
    address = addresses.parse(applicant.email)
    user = _new_user(applicant, address, client)
    user.email_verified_at = now()
    add(user)
    audit.record("user.created", client, user_id=user.id, email_key=address.key)
    db.session.commit()
    return user


def add(user: User) -> None:
    """Add the user to the transaction: the one rule for every way to open an account.

    Raises:
        EmailTaken: the address has an account; the transaction is rolled back.
        EmailReserved: an account that has left the address may still return to it; likewise.
    """
    try:
        db.session.add(user)
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        raise EmailTaken from None
    # Checked after the insert: no account can leave the address unnoticed between the two.
    if account_recovery.is_reserved(user.email_key):
        db.session.rollback()
        raise EmailReserved


def never_confirmed() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of an account that was registered and never confirmed, by its mailbox or an operator."""
    return User.confirm_before.is_not(None), User.email_verified_at.is_(None), User.disabled_at.is_(None)


def compose_existing_account(entry: OutboxEntry) -> Email:
    """Tell the owner that somebody tried to register with their address."""
    user = db.session.get(User, entry.user_id)
    address = addresses.parse(entry.recipient)
    if user is None or user.email_key != address.key:  # The account has left this address since.
        raise NotSent("no account")
    if not mail_caps.allow([entry]):
        mail_caps.withhold(entry, "existing_account.withheld", user.id)
    links = {
        "sign_in_link": f"{settings.public_url}/login",
        "forgot_link": f"{settings.public_url}/forgot-password",
    }
    return Email(address.deliverable, {"name": name_of(user, address.key), **links}, language_of(entry, user))


def _new_user(applicant: Applicant, address: Address, client: Client) -> User:
    first_name = names.parse_optional("first_name", applicant.first_name)
    last_name = names.parse_optional("last_name", applicant.last_name)
    phone_number = phone_numbers.parse_optional(applicant.phone_number)
    _check_password(applicant)
    if applicant.password_hash:
        passwords.verify("", None, client)  # The cost of a hash hides whether the address is free.
    return User(
        email=address.typed,
        email_key=address.key,
        first_name=first_name,
        last_name=last_name,
        phone_number=phone_number,
        password_hash=applicant.password_hash or passwords.hash_new(applicant.password, client, Urgency.SIGN_IN),
        password_changed_at=now(),
        locale=client.language,
    )


def _check_password(applicant: Applicant) -> None:
    if applicant.password_hash is None:
        passwords.check(applicant.password, (applicant.email, applicant.first_name, applicant.last_name))


def _add_unless_taken(user: User) -> bool:
    """Add the user if the address is free; where it is not, run as many queries, so that timing reveals nothing."""
    if users.find(user.email_key):
        account_recovery.is_reserved(user.email_key)
        return False
    try:
        add(user)
    except EmailTaken:
        return False
    return True


def _refuse(address: Address, client: Client) -> None:
    """Record the attempt, and raise EmailTaken, or mail the owner alone where accounts are concealed."""
    audit.record("user.registered", client, outcome="email_taken", email_key=address.key)
    if settings.conceal_accounts:
        _tell_owner(address, users.find(address.key))
    db.session.commit()
    if not settings.conceal_accounts:
        raise EmailTaken


def _tell_owner(address: Address, user: User | None) -> None:
    """Promise the mail that the mailbox's owner needs: the link again, as long as the address is unconfirmed."""
    if user and user.email_verified_at:
        outbox.put("existing_account", user.email, user.id)
    else:
        outbox.put("email_verification", address.deliverable)
