"""What answers are made of: the members that stand for a user, a session, its tokens and an event."""

from typing import Any

from flask import Response, jsonify

from chirp_auth.extensions import settings
from chirp_auth.formatting import iso
from chirp_auth.models import SecurityEvent, Session, User
from chirp_auth.security import tokens
from chirp_auth.security.client import device_in_words


def answer(status: int, body: dict[str, Any]) -> Response:
    """Return a JSON answer."""
    response = jsonify(body)
    response.status_code = status
    return response


def signed_in(session: Session) -> dict[str, Any]:
    """Return the user and the tokens of a new session."""
    return {"user": user_members(session.user), **token_members(session)}


def token_members(session: Session) -> dict[str, Any]:
    return {**access_members(session), "refresh_token": tokens.mint_refresh(session)}


def access_members(session: Session) -> dict[str, Any]:
    return {
        "access_token": tokens.mint_access(session),
        "token_type": "bearer",
        "expires_in": int(settings.jwt_expires_in.total_seconds()),
    }


def user_members(user: User) -> dict[str, Any]:
    return {
        "id": str(user.id),
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "phone_number": user.phone_number,
        "email_verified": user.email_verified_at is not None,
        "created_at": iso(user.created_at),
    }


def session_members(session: Session, current: Session) -> dict[str, Any]:
    return {
        "id": str(session.id),
        "face": session.face,
        "current": session.id == current.id,
        "client": device_in_words(session.user_agent),
        "ip": session.ip,
        "created_at": iso(session.created_at),
        "last_seen_at": iso(session.last_seen_at),
    }


def event_members(event: SecurityEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "at": iso(event.at),
        "kind": event.kind,
        "client": device_in_words(event.user_agent),
        "ip": event.ip,
        "outcome": event.outcome,
    }
