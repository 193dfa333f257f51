"""A list of accounts, by address or id, to which one change is made: in batches, each a transaction."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from uuid import UUID

from sqlalchemy import or_, select

from chirp_auth.accounts import addresses
from chirp_auth.admin.bulk_changes import BulkChange, Changes
from chirp_auth.errors import InvalidEmail
from chirp_auth.extensions import db
from chirp_auth.models import User
from chirp_auth.security.client import Client

BATCH = 500
LINES = CHANGED, UNCHANGED, UNKNOWN = "accounts", "unchanged", "unknown"

Lines = Iterable[tuple[int, str]]


def change_all(
    change: BulkChange,
    lines: Lines,
    client: Client,
    on_unknown: Callable[[int], None],
    on_progress: Callable[[int], None] = lambda _lines: None,
) -> Counter[str]:
    """Make the change to every account in the list, and commit after each 500 lines; memory does not grow.

    Accounts that are as wanted already, or named twice, are counted as unchanged: a stopped run can be repeated.

    Args:
        lines: numbered, each an address or an id.
        on_unknown: gets the number of each line that names no account.
        on_progress: gets the number of lines of each batch.

    Returns:
        How many accounts were changed, how many lines were `unchanged` or `unknown`, and the change's own counts.
    """
    return _in_batches(lambda users: change.make(users, client), lines, on_unknown, on_progress)


def count_all(
    change: BulkChange,
    lines: Lines,
    on_unknown: Callable[[int], None],
    on_progress: Callable[[int], None] = lambda _lines: None,
) -> Counter[str]:
    """Return what `change_all` would do, and change nothing; whoever is named far apart is counted twice."""
    return _in_batches(change.count, lines, on_unknown, on_progress)


def _in_batches(
    act: Callable[[Mapping[UUID, User]], Changes],
    lines: Lines,
    on_unknown: Callable[[int], None],
    on_progress: Callable[[int], None],
) -> Counter[str]:
    result = Counter({CHANGED: 0, UNCHANGED: 0, UNKNOWN: 0})
    remaining = iter(lines)
    while batch := list(islice(remaining, BATCH)):
        users, unknown = _named(batch)
        changes = act(users)
        db.session.commit()
        db.session.expunge_all()
        for counts in changes.values():
            result.update(counts)
        known = len(batch) - len(unknown)
        result.update({CHANGED: len(changes), UNCHANGED: known - len(changes), UNKNOWN: len(unknown)})
        for number in unknown:
            on_unknown(number)
        on_progress(len(batch))
    return result


def _named(batch: Iterable[tuple[int, str]]) -> tuple[dict[UUID, User], list[int]]:
    """Return the accounts that these lines name, and the numbers of the lines that name none."""
    names = [(number, _id_or_key(text)) for number, text in batch]
    ids = {name for _, name in names if isinstance(name, UUID)}
    keys = {name for _, name in names if isinstance(name, str)}
    found = db.session.scalars(select(User).where(or_(User.id.in_(list(ids)), User.email_key.in_(list(keys))))).all()
    known = {user.id for user in found} | {user.email_key for user in found}
    return {user.id: user for user in found}, [number for number, name in names if name not in known]


def _id_or_key(text: str) -> UUID | str | None:
    try:
        return UUID(text)
    except ValueError:
        pass
    try:
        return addresses.parse(text).key
    except InvalidEmail:
        return None
