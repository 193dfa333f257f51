"""Importing users: many accounts from elsewhere, with their bcrypt hashes or with an invitation.

A batch is a transaction: every account in the database has its event, and its invitation if it needs one.
A stopped import can be repeated: it skips the accounts that exist.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from itertools import islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from chirp_auth import audit, rows
from chirp_auth.accounts import account_recovery, addresses
from chirp_auth.admin.user_import_rows import Row, parse_user
from chirp_auth.audit.vocabulary import Kind
from chirp_auth.clock import now
from chirp_auth.errors import AuthError, EmailReserved
from chirp_auth.extensions import db
from chirp_auth.mail import outbox
from chirp_auth.models import User
from chirp_auth.security.client import Client

BATCH = 5000  # SQLite is locked for about 0.5 s at a time.
INVITATIONS_AT_ONCE = 50
INVITATION_EVERY = timedelta(milliseconds=100)


@dataclass(slots=True)
class ImportResult:
    """How many rows had which outcome."""

    imported: int = 0
    invited: int = 0
    skipped: int = 0
    refused: int = 0


def import_users(
    lines: Iterable[Row],
    client: Client,
    on_error: Callable[[int, str], None],
    on_progress: Callable[[int], None] = lambda _rows: None,
) -> ImportResult:
    """Import the rows in batches; memory does not grow with their number.

    Args:
        on_error: gets the number of each refused row, and a sentence that repeats nothing of the row.
        on_progress: gets the number of rows of each batch.
    """
    result = ImportResult()
    rows.keep_pages()
    for users in _batches(lines, result, on_error, on_progress):
        _add(users, result, client)
    audit.record("user.import_done", client, imported=result.imported, skipped=result.skipped, refused=result.refused)
    db.session.commit()
    return result


def check(
    lines: Iterable[Row],
    on_error: Callable[[int, str], None],
    on_progress: Callable[[int], None] = lambda _rows: None,
) -> ImportResult:
    """Return what `import_users` would do, and change nothing. It remembers a digest of each address in the file."""
    result = ImportResult()
    digests_before: set[bytes] = set()
    for users in _batches(lines, result, on_error, on_progress):
        digests = {key: blake2b(key.encode(), digest_size=16).digest() for key in users}
        existing = _existing(users) | {key for key, digest in digests.items() if digest in digests_before}
        _count(users, existing, result)
        digests_before.update(digests.values())
    return result


def _batches(
    lines: Iterable[Row], result: ImportResult, on_error: Callable[[int, str], None], on_progress: Callable[[int], None]
) -> Iterator[dict[str, dict[str, Any]]]:
    """Yield the users of each batch by address, without repeated addresses; count the other rows in the result."""
    remaining = iter(lines)
    while batch := list(islice(remaining, BATCH)):
        moment = now()
        users: dict[str, dict[str, Any]] = {}
        numbers: dict[str, int] = {}
        for row in batch:
            try:
                user = parse_user(row, moment)
            except AuthError as refusal:
                result.refused += 1
                on_error(row.number, refusal.sentence)
                continue
            numbers.setdefault(user["email_key"], row.number)
            if users.setdefault(user["email_key"], user) is not user:
                result.skipped += 1
        reserved = account_recovery.reserved(users)
        reserved -= _existing(reserved)
        for key in sorted(reserved, key=numbers.__getitem__):
            del users[key]
            result.refused += 1
            on_error(numbers[key], EmailReserved.sentence)
        yield users
        on_progress(len(batch))


def _add(users: dict[str, dict[str, Any]], result: ImportResult, client: Client) -> None:
    """Add the users who have no account yet, in one transaction."""
    while True:
        existing = _existing(users)
        new = [user for key, user in users.items() if key not in existing]
        try:
            if new:
                rows.insert(User, new)
            break
        except IntegrityError:  # Somebody registered with one of these addresses meanwhile.
            db.session.rollback()
    _invite([user for user in new if _is_invited(user)], already=result.invited)
    _record("user.invited", [user for user in new if _is_invited(user)], client)
    _record("user.imported", [user for user in new if not _is_invited(user)], client)
    _record("user.locked", [user for user in new if user["disabled_at"]], client, reason="imported as locked")
    db.session.commit()
    _count(users, existing, result)


def _invite(users: Iterable[dict[str, Any]], already: int) -> None:
    """Promise the invitations, spread out, so that no reset link waits behind a hundred thousand of them."""
    for number, user in enumerate(users, already):
        delay = INVITATION_EVERY * max(0, number - INVITATIONS_AT_ONCE)
        outbox.put("invitation", addresses.parse(user["email"]).deliverable, user["id"], delay=delay)


def _record(kind: Kind, users: Iterable[dict[str, Any]], client: Client, **detail: Any) -> None:
    audit.record_all(kind, client, [(user["id"], user["email_key"], detail) for user in users])


def _count(users: dict[str, dict[str, Any]], existing: set[str], result: ImportResult) -> None:
    result.skipped += len(existing)
    result.imported += len(users) - len(existing)
    result.invited += sum(_is_invited(user) for key, user in users.items() if key not in existing)


def _is_invited(user: dict[str, Any]) -> bool:
    """Return whether the owner is to choose a password. The owner of a locked account is not invited."""
    return not user["password_hash"] and not user["disabled_at"]


def _existing(email_keys: Collection[str]) -> set[str]:
    existing = set(db.session.scalars(select(User.email_key).where(User.email_key.in_(email_keys))))
    db.session.commit()
    return existing
