"""Tokens that were refused, on record: who tries them out, or goes on using one that is dead, is seen.

A stranger can send as many as they like: one row for each client, kind and hour, and a log line for the others.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chirp_auth.admin import audit_trail
from chirp_auth.errors import (
    AuthError,
    InvalidToken,
    RefreshReused,
    SessionEnded,
    TokenAlreadyUsed,
    TokenExpired,
    Unauthenticated,
)
from chirp_auth.extensions import db
from chirp_auth.http import request_context
from chirp_auth.security import limits

REFUSALS = (InvalidToken, TokenExpired, TokenAlreadyUsed, Unauthenticated)

log = structlog.get_logger("audit")


@contextmanager
def on_record(kind: str, face: str) -> Iterator[None]:
    """Record as an event of this kind that the token, which is used inside, is refused."""
    try:
        yield
    except REFUSALS as refusal:
        if not isinstance(refusal, RefreshReused):  # The rule has it on record, each time: it ends a session.
            _record(kind, face, _outcome(refusal))
        raise


def _outcome(refusal: AuthError) -> str:
    if isinstance(refusal, SessionEnded):
        return "session_ended"
    return "invalid_token" if isinstance(refusal, Unauthenticated) else refusal.code.lower()


def _record(kind: str, face: str, outcome: str) -> None:
    client = request_context.client(face)
    if not limits.is_first(f"{kind}.{outcome}", limits.NOTED_ONCE_IN):
        log.warning(kind, outcome=outcome, face=face, reference=client.reference)
        return
    try:
        db.session.rollback()
        audit_trail.note(kind, client, outcome=outcome)
    except SQLAlchemyError as error:  # The refusal stands without its row.
        db.session.rollback()
        log.error("refusal not recorded", kind=kind, error=type(error).__name__, reference=client.reference)
