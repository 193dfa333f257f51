"""Bearer tokens (RFC 6750): who an access token in the Authorization header speaks for."""

from flask import request

from chirp_auth.accounts import sessions
from chirp_auth.errors import SessionEnded, Unauthenticated
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


def session() -> Session:
    """Return the living session that the request's access token names.

    Raises:
        Unauthenticated: no token, not a genuine one, too old, or its session has ended.
    """
    given = token()
    if given is None:
        raise Unauthenticated
    with refused_tokens.on_record("session.access_refused", FACE):
        found = sessions.find(tokens.read_access(given))
        if found is None:
            raise SessionEnded
    return found


def session_if_any() -> Session | None:
    """Return the living session that the request's access token names, for calls that need none."""
    try:
        return session()
    except Unauthenticated:
        return None
