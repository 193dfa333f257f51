"""Mail caps: how many mails strangers can cause to one mailbox, whoever asks, with or without an account.

Three reset links an hour, three of all other kinds together, and ten a day of both. The other kinds leave the day's
last three to reset links: a flood of confirmations costs nobody their recovery. A recovery out of one of our own
notices is never withheld, but counts. Notices of what happened to an account (a change, guesses at its password) are
not capped here: whoever could spend them would act unseen.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NoReturn
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, bindparam, func, literal, or_, select, update

from chirp_auth import audit
from chirp_auth.accounts import addresses
from chirp_auth.audit.vocabulary import Kind
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.mail.rendering import NotSent
from chirp_auth.models import OutboxEntry
from chirp_auth.security.client import Client

RESET_LINK = "reset_link"
OTHER_KINDS = ("email_verification", "address_change", "existing_account")
TOO_MANY = "too many mails"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MAX_RESET_LINKS_PER_HOUR = 3
MAX_OTHERS_PER_HOUR = 3
MAX_PER_DAY = 10
MAX_OTHERS_PER_DAY = MAX_PER_DAY - MAX_RESET_LINKS_PER_HOUR

_TABLE = OutboxEntry.metadata.tables["outbox"]
_ALLOW = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("entry"))
    .values(recipient_key=bindparam("key"), allowed_at=func.coalesce(_TABLE.c.allowed_at, bindparam("now")))
)

Mail = tuple[UUID, bool, datetime]  # its entry, whether it is a reset link, and when it was or will be there


def allow(entries: Sequence[OutboxEntry], keys: Mapping[UUID, str] | None = None) -> set[UUID]:
    """Mark, in the caller's transaction, which of these entries may be mailed, and return their ids.

    Until that transaction ends no other worker decides about the same mailboxes, so a batch is best committed soon.
    An entry that was allowed before stays so at every further try. `keys` are the mailboxes, where they are known.
    """
    keys = keys or {entry.id: addresses.parse(entry.recipient).key for entry in entries}
    mailboxes = {keys[entry.id] for entry in entries}
    _lock(entries, mailboxes)
    counted = _counted(mailboxes)
    allowed: dict[str, set[UUID]] = defaultdict(set)
    for entry in sorted(entries, key=lambda entry: entry.created_at):
        mails = counted[keys[entry.id]]
        is_counted = any(entry.id == mail_id for mail_id, _, _ in mails)
        if not is_counted and not entry.params.get("recovery") and not _has_room(entry.kind, mails):
            continue
        if not is_counted:
            mails.append((entry.id, entry.kind == RESET_LINK, now()))
        allowed[keys[entry.id]].add(entry.id)
    marks = [{"entry": entry_id, "key": key, "now": now()} for key, ids in allowed.items() for entry_id in ids]
    if marks:
        db.session.connection().execute(_ALLOW, marks)
    return set().union(*allowed.values())


def withhold(entry: OutboxEntry, kind: Kind, user_id: UUID | None) -> NoReturn:
    """Record that the mail did not leave, as an event of this kind, and commit.

    Raises:
        NotSent: always.
    """
    db.session.rollback()
    record_withheld(entry, kind, user_id)
    db.session.commit()
    raise NotSent(TOO_MANY)


def record_withheld(entry: OutboxEntry, kind: Kind, user_id: UUID | None) -> None:
    """Add to the caller's transaction the event that the mail did not leave."""
    client = Client("worker", **{name: entry.params.get(name) for name in ("ip", "user_agent", "reference")})
    key = addresses.parse(entry.recipient).key
    audit.record(kind, client, outcome="too_many_mails", user_id=user_id, email_key=key)


def reset_links_left(email_key: str, promised: int) -> int:
    """Return how many reset links the mailbox may still get now, besides so many that were promised already."""
    mails = _counted({email_key})[email_key]
    resets = sum(is_reset for _, is_reset, _ in _since(mails, HOUR))
    return min(MAX_RESET_LINKS_PER_HOUR - resets, MAX_PER_DAY - len(mails)) - promised


def _has_room(kind: str, mails: Sequence[Mail]) -> bool:
    is_reset_link = kind == RESET_LINK
    this_hour = sum(is_reset == is_reset_link for _, is_reset, _ in _since(mails, HOUR))
    if is_reset_link:
        return this_hour < MAX_RESET_LINKS_PER_HOUR and len(mails) < MAX_PER_DAY
    others = sum(not is_reset for _, is_reset, _ in mails)
    return this_hour < MAX_OTHERS_PER_HOUR and others < MAX_OTHERS_PER_DAY and len(mails) < MAX_PER_DAY


def _since(mails: Iterable[Mail], period: timedelta) -> list[Mail]:
    return [mail for mail in mails if mail[2] > now() - period]


def _lock(entries: Sequence[OutboxEntry], keys: set[str]) -> None:
    """Keep all other workers from these mailboxes; always in the same order, so that none waits for another in turn."""
    if db.session.connection().dialect.name == "postgresql":
        numbers = sorted(int.from_bytes(sha256(b"mailbox:" + key.encode()).digest()[:8], signed=True) for key in keys)
        in_order = func.unnest(literal(numbers, ARRAY(BigInteger)))
        db.session.execute(select(func.pg_advisory_xact_lock(in_order)))
    else:  # SQLite has one writer, and this makes it us: what is counted afterwards is still true when it is marked.
        writing = update(OutboxEntry).where(OutboxEntry.id == entries[0].id).values(attempts=OutboxEntry.attempts)
        db.session.execute(writing, execution_options={"synchronize_session": False})


def _counted(keys: set[str]) -> dict[str, list[Mail]]:
    """Return, for each mailbox, the mails of a day that left, or are allowed to and on their way."""
    there_since = func.coalesce(OutboxEntry.sent_at, OutboxEntry.allowed_at)
    counting = select(
        OutboxEntry.recipient_key,
        OutboxEntry.id,
        OutboxEntry.kind,
        OutboxEntry.sent_at,
        OutboxEntry.allowed_at,
        OutboxEntry.due_at,
    ).where(
        OutboxEntry.recipient_key.in_(keys),
        or_(OutboxEntry.due_at.is_not(None), there_since > now() - DAY),
        or_(OutboxEntry.sent_at.is_(None), OutboxEntry.last_error.is_(None)),
    )
    found: dict[str, list[Mail]] = defaultdict(list)
    for key, entry_id, kind, sent_at, allowed_at, due_at in db.session.execute(counting):
        is_there_since = sent_at or (now() if due_at else allowed_at)
        found[str(key)].append((entry_id, kind == RESET_LINK, is_there_since or now()))
    return found
