"""Importing users: many accounts from elsewhere, with their bcrypt hashes or with an invitation.

A batch is a transaction: every account in the database has its event, and its invitation if it needs one.
A stopped import can be repeated: it skips the accounts that exist.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from itertools import islice
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from chirp_auth import audit
from chirp_auth.accounts import account_recovery, addresses
from chirp_auth.admin.user_import_rows import Row, parse_user
from chirp_auth.audit.vocabulary import Kind
from chirp_auth.errors import AuthError, EmailReserved
from chirp_auth.extensions import db
from chirp_auth.mail import outbox
from chirp_auth.models import User
from chirp_auth.security.client import Client

BATCH = 2000  # SQLite is locked for about 0.2 s at a time.
INVITATIONS_AT_ONCE = 50
INVITATION_EVERY = timedelta(milliseconds=100)

_TABLE = User.metadata.tables["users"]


@dataclass(slots=True)
class ImportResult:
    """How many rows had which outcome."""

    imported: int = 0
    invited: int = 0
    skipped: int = 0
    refused: int = 0


def import_users(
    rows: Iterable[Row],
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
    for users in _batches(rows, result, on_error, on_progress):
        _add(users, result, client)
    audit.record("user.import_done", client, imported=result.imported, skipped=result.skipped, refused=result.refused)
    db.session.commit()
    return result


def check(
    rows: Iterable[Row],
    on_error: Callable[[int, str], None],
    on_progress: Callable[[int], None] = lambda _rows: None,
) -> ImportResult:
    """Return what `import_users` would do, and change nothing. It remembers a digest of each address in the file."""
    result = ImportResult()
    digests_before: set[bytes] = set()
    for users in _batches(rows, result, on_error, on_progress):
        digests = {key: blake2b(key.encode(), digest_size=16).digest() for key in users}
        existing = _existing(users) | {key for key, digest in digests.items() if digest in digests_before}
        _count(users, existing, result)
        digests_before.update(digests.values())
    return result


def _batches(
    rows: Iterable[Row], result: ImportResult, on_error: Callable[[int, str], None], on_progress: Callable[[int], None]
) -> Iterator[dict[str, dict[str, Any]]]:
    """Yield the users of each batch by address, without repeated addresses; count the other rows in the result."""
    remaining, emails = iter(rows), addresses.BulkParser()
    while batch := list(islice(remaining, BATCH)):
        users: dict[str, dict[str, Any]] = {}
        numbers: dict[str, int] = {}
        for row in batch:
            try:
                user = parse_user(row, emails)
            except AuthError as refusal:
                result.refused += 1
                on_error(row.number, refusal.sentence)
                continue
            numbers.setdefault(user["email_key"], row.number)
            if users.setdefault(user["email_key"], user) is not user:
                result.skipped += 1
        for key in sorted(account_recovery.reserved(users) - _existing(users), key=numbers.__getitem__):
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
                db.session.execute(insert(_TABLE), new)
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


def _existing(users: dict[str, dict[str, Any]]) -> set[str]:
    rows = db.session.scalars(select(User.email_key).where(User.email_key.in_(list(users))))
    existing = set(rows)
    db.session.commit()
    return existing
