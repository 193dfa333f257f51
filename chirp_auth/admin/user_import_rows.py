"""The rows of a user import: which fields they have, and the account that a row describes."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chirp_auth.accounts import addresses, names, phone_numbers
from chirp_auth.accounts.users import ACTIVE, LOCKED, UNVERIFIED
from chirp_auth.errors import ValidationFailed
from chirp_auth.identifiers import time_ordered_uuid

# An export has the last two: a locked account stays locked; `id` is ignored.
FIELDS = (
    *("email", "password_hash", "first_name", "last_name", "phone_number", "email_verified", "created_at"),
    *("status", "id"),
)
MAX_COST = 15  # A hash that costs more would keep a core busy for seconds at each sign-in.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)  # Earlier is a mistake, and the year 1 overflows in UTC.

# $2x$ marks hashes of a broken implementation.
_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{21}([./A-Za-z0-9])[./A-Za-z0-9]{30}([./A-Za-z0-9])")
# The last base-64 character of salt and digest has unused bits, which are zero. Any other character means a damaged
# hash: bcrypt does not read such a salt, and no password gives such a digest.
_LAST_OF_SALT, _LAST_OF_DIGEST = ".Oeu", ".26CGKOSWaeimquy"
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file: its line number and its fields, or why it could not be read."""

    number: int
    fields: dict[str, str]
    flaw: str | None = None


def parse_user(row: Row, moment: datetime) -> dict[str, Any]:
    """Return the columns of the user that a row describes, imported at this moment.

    Raises:
        AuthError: a field is not what it must be; its sentence repeats nothing of the row.
    """
    if row.flaw:
        raise ValidationFailed({}, row.flaw)
    fields = row.fields
    address = addresses.parse(fields.get("email", ""))
    created_at = _created_at(fields.get("created_at"), moment)
    password_hash = _bcrypt_hash(fields.get("password_hash"))
    status = fields.get("status", "").strip().lower()
    if status not in ("", LOCKED, UNVERIFIED, ACTIVE):
        raise ValidationFailed({}, f"status must be {ACTIVE}, {UNVERIFIED} or {LOCKED}.")
    verified = _TRUTH.get(fields.get("email_verified", "").strip().lower() or str(status != UNVERIFIED).lower())
    if verified is None:
        raise ValidationFailed({}, "email_verified must be true or false.")
    return {
        "id": time_ordered_uuid(moment),
        "email": address.typed,
        "email_key": address.key,
        "email_verified_at": moment if verified else None,
        "first_name": names.parse_optional("first_name", fields.get("first_name")),
        "last_name": names.parse_optional("last_name", fields.get("last_name")),
        "phone_number": phone_numbers.parse_optional(fields.get("phone_number")),
        "password_hash": password_hash,
        "password_changed_at": created_at if password_hash else None,
        "disabled_at": moment if status == LOCKED else None,
        "created_at": created_at,
    }


def _bcrypt_hash(text: str | None) -> str | None:
    if not text:
        return None
    match = _BCRYPT.fullmatch(text)
    if not match:
        raise ValidationFailed({}, "The password hash is not a bcrypt hash ($2a$, $2b$ or $2y$).")
    if not 4 <= int(match[1]) <= MAX_COST:
        raise ValidationFailed({}, f"The password hash has a cost outside 4 to {MAX_COST}.")
    if match[2] not in _LAST_OF_SALT or match[3] not in _LAST_OF_DIGEST:
        raise ValidationFailed({}, "The password hash is damaged: its salt or its digest ends as bcrypt's never do.")
    return text


def _created_at(text: str | None, imported_at: datetime) -> datetime:
    if not text:
        return imported_at
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValidationFailed({}, "created_at must be a time such as 2026-11-20T20:47:00Z.") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment < EARLIEST:
        raise ValidationFailed({}, "created_at lies before 1970.")
    if moment > imported_at:
        raise ValidationFailed({}, "created_at lies in the future.")
    return moment.astimezone(UTC)
