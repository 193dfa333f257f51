"""Rate-limit headers, and the record of a limit that was hit.

`RateLimit` and `RateLimit-Policy` follow draft-ietf-httpapi-ratelimit-headers-10.
"""

import structlog
from flask import Flask, Response, request
from sqlalchemy.exc import SQLAlchemyError

from chirp_auth.admin import audit_trail
from chirp_auth.extensions import db, driver_reason
from chirp_auth.formatting import whole_seconds
from chirp_auth.http import request_context
from chirp_auth.http.routing import answers_json
from chirp_auth.security import limits, shares
from chirp_auth.security.limits import Spent

log = structlog.get_logger("limits")


def init_app(app: Flask) -> None:
    """Put the headers on every answer under a limit; record each limit that was hit."""
    app.after_request(_add_headers)


def _add_headers(response: Response) -> Response:
    if spent := limits.spent():
        response.headers["RateLimit-Policy"] = ", ".join(_policy(limit) for limit in spent)
        response.headers["RateLimit"] = ", ".join(_state(limit) for limit in spent)
    for limit in spent:
        if limit.exceeded:
            _record(limit)
    return response


def _policy(limit: Spent) -> str:
    return f'"{limit.name}";q={limit.amount};w={int(limit.period.total_seconds())}'


def _state(limit: Spent) -> str:
    return f'"{limit.name}";r={limit.remaining};t={whole_seconds(limit.resets_in)}'


def _record(limit: Spent) -> None:
    """Add a row for the first refusal of a period and a log line for each: refusing must stay cheap in a flood."""
    client = request_context.client("api" if answers_json(request) else "browser")
    if not shares.first_hit(limit):
        log.warning("limit.hit", limit=limit.name, face=client.face, reference=client.reference)
        return
    try:
        db.session.rollback()
        audit_trail.note("limit.hit", client, outcome="refused", limit=limit.name)
    except SQLAlchemyError as error:  # The refusal stands without its row.
        db.session.rollback()
        log.error("limit hit not recorded", limit=limit.name, reason=driver_reason(error), reference=client.reference)
