"""Bearer tokens (RFC 6750): the token in the Authorization header, and the session it belongs to."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import request

from chirp_auth.accounts import sessions
from chirp_auth.errors import InvalidToken, NoToken, SessionEnded, TokenAlreadyUsed, TokenExpired, Unauthenticated
from chirp_auth.http import refused_tokens
from chirp_auth.models import Session
from chirp_auth.security import tokens

FACE = "api"


def token() -> str | None:
    """Return the token of a well-formed `Authorization: Bearer …` header, or None."""
    match request.headers.get("Authorization", "").split():
        case [scheme, value] if scheme.lower() == "bearer":
            return value
    return None


@contextmanager
def at_fault() -> Iterator[None]:
    """Let a refusal of a token in the block be one of the header's token, with the challenge that says so."""
    try:
        yield
    except (InvalidToken, TokenExpired, TokenAlreadyUsed, Unauthenticated) as refusal:
        raise refusal.challenged() from None


def session() -> Session:
    """Return the live session of the request's access token.

    Raises:
        NoToken: there is none.
        Unauthenticated: it is forged or expired, or its session has ended.
    """
    access_token = token()
    if access_token is None:
        raise NoToken
    with at_fault(), refused_tokens.on_record("session.access_refused", FACE):
        current = sessions.find(tokens.read_access(access_token))
        if current is None:
            raise SessionEnded
    return current


def session_if_any() -> Session | None:
    """Return the live session of the request's access token, or None; for calls that need no session."""
    try:
        return session()
    except Unauthenticated:
        return None
