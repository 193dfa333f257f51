"""Bearer tokens (RFC 6750): the token in the Authorization header, and the session it belongs to."""

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
    """Return the live session of the request's access token.

    Raises:
        Unauthenticated: the token is missing, forged or expired, or its session has ended.
    """
    access_token = token()
    if access_token is None:
        raise Unauthenticated
    with refused_tokens.on_record("session.access_refused", FACE):
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
