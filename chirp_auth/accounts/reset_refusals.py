"""Refused resets on record: each bad link, and typing mistakes of one account once an hour."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from chirp_auth import audit
from chirp_auth.audit.vocabulary import outcome_of
from chirp_auth.clock import now
from chirp_auth.errors import (
    AuthError,
    InvalidToken,
    PasswordMismatch,
    PasswordTooWeak,
    SecondFactorRequired,
    TokenAlreadyUsed,
    TokenExpired,
)
from chirp_auth.extensions import db
from chirp_auth.models import SecurityEvent
from chirp_auth.security.client import Client

NOTED_ONCE_IN = timedelta(hours=1)
BAD_LINK = (InvalidToken, TokenExpired, TokenAlreadyUsed)
MISTAKE = (PasswordMismatch, PasswordTooWeak, SecondFactorRequired)


@contextmanager
def on_record(client: Client, user_id: UUID | None = None) -> Iterator[None]:
    """Record and commit a refusal in the block; a wrong second factor is on record by its own rule."""
    try:
        yield
    except (*BAD_LINK, *MISTAKE) as error:
        if not (user_id and isinstance(error, MISTAKE) and _is_noted(error, user_id)):
            audit.record("password_reset.refused", client, outcome=outcome_of(error), user_id=user_id)
        db.session.commit()
        raise


def _is_noted(error: AuthError, user_id: UUID) -> bool:
    """Say whether a refusal like this is on record lately: no limit counts typing mistakes, so rows would pile up."""
    query = select(SecurityEvent.id).where(
        SecurityEvent.user_id == user_id,
        SecurityEvent.kind == "password_reset.refused",
        SecurityEvent.outcome == outcome_of(error),
        SecurityEvent.at > now() - NOTED_ONCE_IN,
    )
    return db.session.scalar(query.limit(1)) is not None
