"""Refused tokens are audit events, so that guessing, and the use of a dead token, can be noticed.

So are requests and forms for a new password that lack the token or a field. A flood of them costs one row for each
client, kind, outcome and hour; the others are log lines.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chirp_auth.admin import audit_trail
from chirp_auth.audit.vocabulary import Kind, Outcome, outcome_of
from chirp_auth.errors import (
    AuthError,
    InvalidEmail,
    InvalidToken,
    MalformedJson,
    NoToken,
    RefreshReused,
    SessionEnded,
    TokenAlreadyUsed,
    TokenExpired,
    Unauthenticated,
    ValidationFailed,
)
from chirp_auth.extensions import db, driver_reason
from chirp_auth.http import request_context
from chirp_auth.security import shares

REFUSALS = (InvalidToken, TokenExpired, TokenAlreadyUsed, Unauthenticated)
INCOMPLETE = (MalformedJson, ValidationFailed, InvalidEmail, NoToken)

log = structlog.get_logger("audit")


@contextmanager
def on_record(kind: Kind, face: str) -> Iterator[None]:
    """Record an event of this kind if the block refuses a token."""
    try:
        yield
    except REFUSALS as refusal:
        if not isinstance(refusal, RefreshReused):  # The rule records it each time, because it ends a session.
            note(kind, face, _outcome(refusal))
        raise


@contextmanager
def incomplete_on_record(kind: Kind, face: str) -> Iterator[None]:
    """Record an event of this kind if the block refuses a request for what it lacks; no limit has counted it."""
    try:
        yield
    except INCOMPLETE as refusal:
        note(kind, face, outcome_of(refusal))
        raise


def _outcome(refusal: AuthError) -> Outcome:
    if isinstance(refusal, SessionEnded):
        return "session_ended"
    return "invalid_token" if isinstance(refusal, Unauthenticated) else outcome_of(refusal)


def note(kind: Kind, face: str, outcome: Outcome) -> None:
    """Record an event of this kind, the first one of the client in an hour; a failing database changes nothing."""
    client = request_context.client(face)
    if not shares.is_first(f"{kind}.{outcome}", shares.NOTED_ONCE_IN):
        log.warning(kind, outcome=outcome, face=face, reference=client.reference)
        return
    try:
        db.session.rollback()
        audit_trail.note(kind, client, outcome=outcome)
    except SQLAlchemyError as error:  # The refusal stands without its row.
        db.session.rollback()
        log.error("refusal not recorded", kind=kind, reason=driver_reason(error), reference=client.reference)
