"""Seals: the digests of their events, their own digest, and the MAC over it.

Seals of format 1, made by releases before AUDIT_KEY, have a MAC under the signing key itself and no running count.
"""

import json
from hashlib import sha256

from sqlalchemy import select

from chirp_auth.audit import erasure, keys
from chirp_auth.extensions import db, settings
from chirp_auth.models import AuditAnchor, AuditSeal, SecurityEvent

BEGINNING = "0" * 64
FIRST_FORMAT, FORMAT = 1, 2

_SEAL, _SEAL_1, _ANCHOR = "audit-seal-2", "audit-seal", "audit-anchor"


def digest_of(event: SecurityEvent) -> str:
    """Return the digest of all of an event; of its client only what outlasts an erasure."""
    content = [
        event.id,
        event.at.isoformat(timespec="microseconds"),
        event.kind,
        str(event.user_id) if event.user_id else None,
        event.email_digest,
        *erasure.provable(event),
        event.face,
        event.outcome,
        event.reference,
        event.actor,
        event.detail,
    ]
    return sha256(_canonical(content)).hexdigest()


def digest_of_seal(seal: AuditSeal) -> str:
    """Return the digest of all of a seal."""
    ordered = sorted(seal.members.items(), key=lambda member: int(member[0]))
    content: list[object] = [seal.number, seal.previous, ordered]
    if seal.format != FIRST_FORMAT:
        sealed_at = seal.sealed_at.isoformat(timespec="microseconds")
        content = [seal.format, sealed_at, seal.total, seal.opens_chapter, *content]
    return sha256(_canonical(content)).hexdigest()


def sign(seal: AuditSeal) -> None:
    """Give the seal its digest and its MAC."""
    seal.digest = digest_of_seal(seal)
    seal.mac = keys.mac(keys.present(), _SEAL, seal.digest)


def is_genuine(seal: AuditSeal) -> bool:
    """Say whether a configured key made the seal's MAC."""
    if seal.format == FIRST_FORMAT:
        return keys.is_made_by(settings.secret_keys, _SEAL_1, seal.digest, seal.mac)
    return keys.is_made_by(keys.every(), _SEAL, seal.digest, seal.mac)


def has_own_key(seal: AuditSeal) -> bool:
    """Say whether AUDIT_KEY or one of its fallbacks made the seal's MAC."""
    return seal.format != FIRST_FORMAT and keys.is_made_by(keys.own(), _SEAL, seal.digest, seal.mac)


def anchor_after(seal_number: int, digest: str, total: int) -> AuditAnchor:
    """Return the signed anchor of a trail whose seals up to this one were purged."""
    anchor = AuditAnchor(number=seal_number, digest=digest, total=total)
    sign_anchor(anchor)
    return anchor


def sign_anchor(anchor: AuditAnchor) -> None:
    """Give the anchor its MAC."""
    anchor.mac = keys.mac(keys.present(), _ANCHOR, _text(anchor))


def is_genuine_anchor(anchor: AuditAnchor) -> bool:
    """Say whether a configured key made the anchor's MAC."""
    return keys.is_made_by(keys.every(), _ANCHOR, _text(anchor), anchor.mac)


def flaws_in_events(seal: AuditSeal, erasures: erasure.Erasures | None = None) -> list[str]:
    """Return a sentence for each event of the seal that was changed, removed or inserted."""
    erasures = erasures or erasure.Erasures()
    events = {
        str(event.id): event
        for event in db.session.scalars(select(SecurityEvent).where(SecurityEvent.seal == seal.number))
    }
    flaws = []
    for event_id, digest in seal.members.items():
        event = events.get(event_id)
        if event is None:
            flaws.append(f"Event {event_id} was removed (seal {seal.number}, {seal.sealed_at.isoformat()}).")
        elif erasure.is_erased(event) and not erasures.explain(event):
            flaws.append(f"Event {event_id} lost its address and device, and no deletion of an account explains it.")
        elif digest_of(event) != digest and not (_is_unprovable(event, seal) and erasures.explain(event)):
            flaws.append(f"Event {event_id} was changed since seal {seal.number}.")
    inserted = events.keys() - seal.members.keys()
    return flaws + [f"Event {event_id} was slipped into seal {seal.number}." for event_id in sorted(inserted)]


def _is_unprovable(event: SecurityEvent, seal: AuditSeal) -> bool:
    """Say whether the event may have lost its client under a seal from before the salted digest."""
    client = (event.client_digest, event.ip, event.user_agent)
    return seal.format == FIRST_FORMAT and client == (None, None, None)


def _text(anchor: AuditAnchor) -> str:
    return f"{anchor.number}:{anchor.digest}:{anchor.total}"


def _canonical(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
