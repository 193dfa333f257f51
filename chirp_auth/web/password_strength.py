"""What the server thinks of a password while it is typed: the verdict that submitting it would meet.

Nothing is kept and nothing is logged; without script the same is said after submitting. A hint may fail: it is the
first thing to give way when clients ask too often.
"""

from threading import BoundedSemaphore

from flask import Response, jsonify, request, session
from flask_login import current_user

from chirp_auth.accounts import reset_links
from chirp_auth.errors import (
    InvalidToken,
    PasswordTooWeak,
    RateLimitExceeded,
    ServiceBusy,
    TokenAlreadyUsed,
    TokenExpired,
)
from chirp_auth.formatting import whole_seconds
from chirp_auth.models import User
from chirp_auth.security import limits, passwords
from chirp_auth.web.blueprint import web

ACCEPTED = "This password will do."

_turn = BoundedSemaphore(
    1
)  # One hint at a time in a process: others are refused, so that none waits in a page's place.


@web.post("/password-strength")
def password_strength() -> Response:
    try:
        limits.password_strength()
    except (RateLimitExceeded, ServiceBusy) as refusal:
        return _no_verdict(refusal)
    if not _turn.acquire(blocking=False):
        return _no_verdict(ServiceBusy())
    try:
        return _verdict()
    finally:
        _turn.release()


def _verdict() -> Response:
    typed = request.form.get("new_password") or request.form.get("password", "")
    try:
        passwords.check(typed, _context())
    except PasswordTooWeak as refusal:
        return jsonify({"accepted": False, "sentence": f"{refusal.sentence}."})
    return jsonify({"accepted": True, "sentence": ACCEPTED})


def _no_verdict(refusal: RateLimitExceeded | ServiceBusy) -> Response:
    """Refuse in a few bytes: a page for each would cost more than the verdict."""
    response = jsonify({"sentence": refusal.sentence})
    response.status_code = 429 if isinstance(refusal, RateLimitExceeded) else 503
    response.headers["Retry-After"] = str(whole_seconds(refusal.retry_after))
    return response


def _context() -> tuple[str | None, ...]:
    """Return the address and names that must not be the password's bulk: as typed, or those of the account."""
    if "email" in request.form:
        return tuple(request.form.get(name, "")[:300] for name in ("email", "first_name", "last_name"))
    user = _user()
    return (user.email, user.first_name, user.last_name) if user else ()


def _user() -> User | None:
    if current_user.is_authenticated:
        signed_in: User = current_user._get_current_object()
        return signed_in
    try:
        return reset_links.check_link(session.get("reset_token", "")).user
    except (InvalidToken, TokenExpired, TokenAlreadyUsed):
        return None
