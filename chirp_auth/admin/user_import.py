"""Importing users: many accounts from elsewhere, with their bcrypt hashes or with an invitation.

A batch is a transaction: whoever is in the database has their event, and their invitation if they need one.
Stopped half-way, the same import again skips whom it finds and goes on.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from chirp_auth import audit
from chirp_auth.accounts import account_recovery, addresses, names, phone_numbers
from chirp_auth.accounts.users import ACTIVE, LOCKED, UNVERIFIED
from chirp_auth.clock import now
from chirp_auth.errors import AuthError, EmailReserved, ValidationFailed
from chirp_auth.extensions import db
from chirp_auth.mail import outbox
from chirp_auth.models import User
from chirp_auth.security.client import Client

BATCH = 500
INVITATIONS_AT_ONCE = 50
INVITATION_EVERY = timedelta(milliseconds=100)
# The last two are an export's: who is locked stays so, and an account gets an `id` of its own.
FIELDS = (
    *("email", "password_hash", "first_name", "last_name", "phone_number", "email_verified", "created_at"),
    *("status", "id"),
)
MAX_COST = 15  # A hash that costs more would keep a core busy for seconds at each sign-in.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)  # Earlier is a mistake; the beginning of the year 1 is no time in UTC.

_TABLE = User.metadata.tables["users"]
# $2x$ marks hashes of a broken implementation.
_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{21}([./A-Za-z0-9])[./A-Za-z0-9]{30}([./A-Za-z0-9])")
# 16 bytes of salt, and 23 of digest, leave bits of their last character over, which are zero: bcrypt does not read
# such a salt, and no password gives such a digest.
_LAST_OF_SALT, _LAST_OF_DIGEST = ".Oeu", ".26CGKOSWaeimquy"
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file: its number and its fields, or why it could not be read."""

    number: int
    fields: dict[str, str]
    flaw: str | None = None


@dataclass(slots=True)
class ImportResult:
    """What became of the lines."""

    imported: int = 0
    invited: int = 0
    skipped: int = 0
    refused: int = 0


def import_users(
    lines: Iterable[Row],
    client: Client,
    refused: Callable[[int, str], None],
    told: Callable[[int], None] = lambda _lines: None,
) -> ImportResult:
    """Import line by line, in batches of 500; memory does not grow with the number of lines.

    Args:
        refused: learns of each refused line its number and a sentence that repeats nothing of the line.
        told: learns of every batch how many lines it had.
    """
    tally = ImportResult()
    for users in _batches(lines, tally, refused, told):
        _add(users, tally, client)
    audit.record("user.import_done", client, imported=tally.imported, skipped=tally.skipped, refused=tally.refused)
    db.session.commit()
    return tally


def check(
    lines: Iterable[Row],
    refused: Callable[[int, str], None],
    told: Callable[[int], None] = lambda _lines: None,
) -> ImportResult:
    """Say what `import_users` would do, and change nothing; of each address in the file a digest is remembered."""
    tally = ImportResult()
    seen: set[bytes] = set()
    for users in _batches(lines, tally, refused, told):
        digests = {key: blake2b(key.encode(), digest_size=16).digest() for key in users}
        known = _known(users) | {key for key, digest in digests.items() if digest in seen}
        _count(users, known, tally)
        seen.update(digests.values())
    return tally


def _batches(
    lines: Iterable[Row], tally: ImportResult, refused: Callable[[int, str], None], told: Callable[[int], None]
) -> Iterator[dict[str, dict[str, Any]]]:
    """Yield the users of each batch by address, the first of an address alone; the other lines are in the tally."""
    remaining = iter(lines)
    while batch := list(islice(remaining, BATCH)):
        users: dict[str, dict[str, Any]] = {}
        numbers: dict[str, int] = {}
        for line in batch:
            try:
                user = _user(line)
            except AuthError as refusal:
                tally.refused += 1
                refused(line.number, refusal.sentence)
                continue
            numbers.setdefault(user["email_key"], line.number)
            if users.setdefault(user["email_key"], user) is not user:
                tally.skipped += 1
        for key in sorted(account_recovery.reserved(users) - _known(users), key=numbers.__getitem__):
            del users[key]
            tally.refused += 1
            refused(numbers[key], EmailReserved.sentence)
        yield users
        told(len(batch))


def _add(users: dict[str, dict[str, Any]], tally: ImportResult, client: Client) -> None:
    """Add those who are not there yet, in one transaction."""
    while True:
        known = _known(users)
        new = [user for key, user in users.items() if key not in known]
        try:
            if new:
                db.session.execute(insert(_TABLE), new)
            break
        except IntegrityError:  # Somebody registered with one of these addresses since we looked.
            db.session.rollback()
    invited = tally.invited
    for user in new:
        whose = {"user_id": user["id"], "email_key": user["email_key"]}
        if _is_invited(user):
            # Spread out: nobody who forgot a password waits behind a hundred thousand invitations.
            delay = INVITATION_EVERY * max(0, invited - INVITATIONS_AT_ONCE)
            outbox.put("invitation", addresses.parse(user["email"]).deliverable, user["id"], delay=delay)
            invited += 1
        audit.record("user.invited" if _is_invited(user) else "user.imported", client, **whose)
        if user["disabled_at"]:
            audit.record("user.locked", client, **whose, reason="imported as locked")
    db.session.commit()
    _count(users, known, tally)


def _count(users: dict[str, dict[str, Any]], known: set[str], tally: ImportResult) -> None:
    tally.skipped += len(known)
    tally.imported += len(users) - len(known)
    tally.invited += sum(_is_invited(user) for key, user in users.items() if key not in known)


def _is_invited(user: dict[str, Any]) -> bool:
    """Say whether the owner is to choose a password: who is locked waits until an operator unlocks the account."""
    return not user["password_hash"] and not user["disabled_at"]


def _known(users: dict[str, dict[str, Any]]) -> set[str]:
    found = db.session.scalars(select(User.email_key).where(User.email_key.in_(list(users))))
    known = set(found)
    db.session.commit()
    return known


def _user(line: Row) -> dict[str, Any]:
    if line.flaw:
        raise ValidationFailed({}, line.flaw)
    fields = line.fields
    address = addresses.parse(fields.get("email", ""))
    created_at = _moment(fields.get("created_at"))
    password_hash = _bcrypt_hash(fields.get("password_hash"))
    status = fields.get("status", "").strip().lower()
    if status not in ("", LOCKED, UNVERIFIED, ACTIVE):
        raise ValidationFailed({}, f"status must be {ACTIVE}, {UNVERIFIED} or {LOCKED}.")
    verified = _TRUTH.get(fields.get("email_verified", "").strip().lower() or str(status != UNVERIFIED).lower())
    if verified is None:
        raise ValidationFailed({}, "email_verified must be true or false.")
    user_id: UUID = uuid4()
    return {
        "id": user_id,
        "email": address.typed,
        "email_key": address.key,
        "email_verified_at": now() if verified else None,
        "first_name": names.parse_optional("first_name", fields.get("first_name")),
        "last_name": names.parse_optional("last_name", fields.get("last_name")),
        "phone_number": phone_numbers.parse_optional(fields.get("phone_number")),
        "password_hash": password_hash,
        "password_changed_at": created_at if password_hash else None,
        "disabled_at": now() if status == LOCKED else None,
        "created_at": created_at,
    }


def _bcrypt_hash(text: str | None) -> str | None:
    if not text:
        return None
    found = _BCRYPT.fullmatch(text)
    if not found:
        raise ValidationFailed({}, "The password hash is not a bcrypt hash ($2a$, $2b$ or $2y$).")
    if not 4 <= int(found[1]) <= MAX_COST:
        raise ValidationFailed({}, f"The password hash has a cost outside 4 to {MAX_COST}.")
    if found[2] not in _LAST_OF_SALT or found[3] not in _LAST_OF_DIGEST:
        raise ValidationFailed({}, "The password hash is damaged: its salt or its digest ends as bcrypt's never do.")
    return text


def _moment(text: str | None) -> datetime:
    if not text:
        return now()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValidationFailed({}, "created_at must be a time such as 2026-11-20T20:47:00Z.") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment < EARLIEST:
        raise ValidationFailed({}, "created_at lies before 1970.")
    if moment > now():
        raise ValidationFailed({}, "created_at lies in the future.")
    return moment.astimezone(UTC)
