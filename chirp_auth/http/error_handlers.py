"""Error handlers: every exception that leaves a view is answered in the dialect of its path, or as a page."""

from collections.abc import Callable

import structlog
from flask import Flask, Response, current_app
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from chirp_auth import errors
from chirp_auth.errors import AuthError
from chirp_auth.extensions import DATABASE_AWAY, db, driver_reason
from chirp_auth.http.request_context import reference
from chirp_auth.security import limits

BY_STATUS = {
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    408: errors.RequestTimeout,
    413: errors.PayloadTooLarge,
    415: errors.UnsupportedMediaType,
    503: errors.ServiceBusy,
}
Answer = Callable[[AuthError], Response]

log = structlog.get_logger("http")


def init_app(app: Flask, answer: Answer) -> None:
    """Answer every exception that leaves a view or the routing; `answer` words a refusal."""
    app.extensions["answer_refusal"] = answer
    app.register_error_handler(AuthError, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(CSRFError, _csrf_failed)
    for error in DATABASE_AWAY:
        app.register_error_handler(error, _database_away)
    app.register_error_handler(Exception, _bug)


def _refused(error: AuthError) -> Response:
    answer: Answer = current_app.extensions["answer_refusal"]
    return answer(error)


def _http_error(error: HTTPException) -> Response:
    if error.code is not None and error.code < 400:
        return error.get_response()  # type: ignore[return-value]  # a redirect that routing asks for
    status = error.code or 500
    refusal = BY_STATUS.get(status) or (errors.InternalError if status >= 500 else errors.MalformedRequest)
    response = _refused(refusal())
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = ", ".join(sorted(value.split(", ")))  # Werkzeug keeps methods in a set
    return response


def _csrf_failed(_error: CSRFError) -> Response:
    return _refused(errors.StaleForm())


def _database_away(error: Exception) -> Response:
    """Refuse for now: the database is away, or cannot be written. Nobody pays for that with a try of a limit."""
    db.session.rollback()
    limits.give_back()
    log.error("database away", error=type(error).__name__, reason=driver_reason(error), reference=reference())
    return _refused(errors.ServiceBusy())


def _bug(error: Exception) -> Response:
    db.session.rollback()
    log.error("bug", reference=reference(), exc_info=error)
    return _refused(errors.InternalError())
