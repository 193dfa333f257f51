"""The published contracts, a file each. They are frozen: a new need is a new file."""

from flask import Request

from chirp_auth.api.dialect import Dialect
from chirp_auth.api.dialects import marketplace, plain, seller, v1

ALL = (v1, marketplace, seller, plain)
PLAIN_PATHS = frozenset({"/register", "/login", "/forgot-password", "/reset-password"})


def of(request: Request) -> Dialect | None:
    """Return the dialect that answers at the request's path, or None where a page does.

    It answers for what happens outside the views too: 404, 405, 413, 415, 429 and 500.
    """
    path = request.path
    for dialect in (v1.dialect, seller.dialect, marketplace.dialect):
        if path == dialect.prefix or path.startswith(f"{dialect.prefix}/"):
            return dialect
    if path == "/api" or path.startswith("/api/"):
        return v1.dialect
    return plain.dialect if request.is_json or _prefers_json(request) else None


def _prefers_json(request: Request) -> bool:
    best = (request.accept_mimetypes.best or "").partition(";")[0].strip().lower()
    return best == "application/json" or best.endswith("+json")
