"""Password hints: while a new password is typed, the verdict that submitting it would get.

Nothing is stored or logged. Without script the form says the same after it was sent. Under load hints are the first
to be refused.
"""

from threading import BoundedSemaphore
from typing import cast

from flask import Response, jsonify, request, session
from flask_login import current_user

from chirp_auth.accounts import reset_links
from chirp_auth.errors import PasswordTooWeak, RateLimitExceeded, ServiceBusy
from chirp_auth.formatting import whole_seconds
from chirp_auth.languages import lazy_gettext as _
from chirp_auth.languages import translated
from chirp_auth.models import User
from chirp_auth.security import limits, passwords
from chirp_auth.security.passwords import Strength
from chirp_auth.web.blueprint import web
from chirp_auth.web.broken_links import BROKEN_LINK
from chirp_auth.web.pages import sentence_of

ADVICE = {
    Strength.OKAY: _("Okay. One more word would make it strong."),
    Strength.STRONG: _("Strong."),
}

# One hint at a time in each process. Others are refused at once, so that no waiting hint occupies a thread.
_one_at_a_time = BoundedSemaphore(1)


@web.post("/password-strength")
def password_strength() -> Response:
    try:
        limits.password_strength()
    except (RateLimitExceeded, ServiceBusy) as error:
        return _refused(error)
    if not _one_at_a_time.acquire(blocking=False):
        return _refused(ServiceBusy())
    try:
        return _verdict()
    finally:
        _one_at_a_time.release()


def _verdict() -> Response:
    password = request.form.get("new_password") or request.form.get("password", "")
    try:
        strength = passwords.check(password, _context())
    except PasswordTooWeak as error:
        return jsonify({"accepted": False, "strength": "easy", "sentence": sentence_of(error)})
    return jsonify({"accepted": True, "strength": strength.value, "sentence": str(ADVICE[strength])})


def _refused(error: RateLimitExceeded | ServiceBusy) -> Response:
    """Refuse in a few bytes: a page would cost more than the verdict."""
    response = jsonify({"sentence": translated(error.sentence)})
    response.status_code = 429 if isinstance(error, RateLimitExceeded) else 503
    response.headers["Retry-After"] = str(whole_seconds(error.retry_after))
    return response


def _context() -> tuple[str | None, ...]:
    """Return the address and names that must not make up the password: as typed, or those of the account."""
    if "email" in request.form:
        return tuple(request.form.get(name, "")[:300] for name in ("email", "first_name", "last_name"))
    user = _user()
    return (user.email, user.first_name, user.last_name) if user else ()


def _user() -> User | None:
    if current_user.is_authenticated:
        return cast("User", current_user._get_current_object())
    try:
        return reset_links.check_link(session.get("reset_token", "")).user
    except BROKEN_LINK:
        return None
