"""The published contracts, a file or folder each. They are frozen: a new need is a new one."""

from flask import Request

from chirp_auth.api.dialect import Dialect
from chirp_auth.api.dialects import marketplace, plain, seller, v1
from chirp_auth.http.routing import answers_json

ALL: tuple[Dialect, ...] = (v1.dialect, marketplace.dialect, seller.dialect, plain.dialect)


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
    return plain.dialect if answers_json(request) else None
