"""Pages: rendering one, putting a refusal where the person who reads it needs it, and error pages."""

from datetime import timedelta
from http import HTTPStatus
from types import TracebackType
from typing import Any

from flask import Response, g, make_response, render_template, url_for

from chirp_auth.errors import AuthError, RateLimitExceeded, ServiceBusy, ValidationFailed
from chirp_auth.extensions import DATABASE_AWAY, db
from chirp_auth.formatting import in_words, whole_seconds
from chirp_auth.web.forms import Form

STATUSES = {
    "INVALID_CREDENTIALS": 401,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "REQUEST_TIMEOUT": 408,
    "EMAIL_TAKEN": 409,
    "PAYLOAD_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "RATE_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "SERVICE_BUSY": 503,
}
TITLES = {
    400: "That did not work",
    404: "Page not found",
    405: "That did not work",
    408: "That took too long",
    413: "That was too much",
    415: "That did not work",
    429: "Too many attempts",
    500: "Something went wrong",
    503: "Busy just now",
}

NEXT_STEPS = {
    404: "There is nothing at this address. Perhaps it was cut in two on its way here.",
    405: "This address is not for opening by hand. Please use the buttons on our pages.",
    413: "That was more than we can take: 1 MB at most, in 100 fields at most. Please shorten it and try again.",
    415: "Our forms take text, not files. Please go back and type what the field asks for.",
}

About = str | tuple[str, str]


def page(template: str, **values: Any) -> Response:
    """Render a page; after a refusal, with the status and the `Retry-After` that belong to it."""
    form = values.get("form")
    refusal: AuthError | None = g.get("refusal")
    status = STATUSES.get(refusal.code, 400) if refusal else 400 if form is not None and form.errors else 200
    return _with_retry_after(make_response(render_template(template, **values), status), refusal)


class refusals_into:  # noqa: N801 - reads as the verb it is: `with refusals_into(form):`
    """Put what a rule refuses beside the field it is about, the rest on top.

    `fields` maps codes to a name, or to a name and the sentence that says it better there.
    """

    def __init__(self, form: Form, **fields: About) -> None:
        self._form = form
        self._fields = fields

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _kind: object, refusal: BaseException | None, _trace: TracebackType | None) -> bool:
        if not isinstance(refusal, AuthError):
            return False
        g.refusal = refusal
        if isinstance(refusal, ValidationFailed):
            for name, sentence in refusal.fields.items():
                self._add(name, sentence)
        else:
            about = self._fields.get(refusal.code)
            self._add(*about) if isinstance(about, tuple) else self._add(about, _sentence(refusal))
        return True

    def _add(self, name: str | None, sentence: str) -> None:
        if name:
            self._form[name].errors = [*self._form[name].errors, sentence]
        else:
            self._form.form_errors = [*self._form.form_errors, sentence]


def error_page(refusal: AuthError, status: int | None = None) -> Response:
    """Return a full page that says what went wrong and what to do next."""
    status = status or STATUSES.get(refusal.code, 400)
    g.broken = status >= 500
    values = {
        "status": status,
        "title": TITLES.get(status) or HTTPStatus(status).phrase,
        "sentence": NEXT_STEPS.get(status) or _sentence(refusal),
        "must_wait": _wait(refusal) is not None,
        "action_url": url_for("auth.web.home"),
        "action_label": "Go to the start page",
    }
    try:
        body = render_template("errors/error.html", **values)
    except DATABASE_AWAY:  # Who is signed in cannot be asked; what went wrong can be told all the same.
        db.session.rollback()
        g.broken = True
        body = render_template("errors/error.html", **values)
    return _with_retry_after(make_response(body, status), refusal)


def _sentence(refusal: AuthError) -> str:
    if isinstance(refusal, RateLimitExceeded):
        return f"Too many attempts. Please try again in {_wait(refusal)}."
    return refusal.sentence if refusal.sentence.endswith((".", "!")) else f"{refusal.sentence}."


def _wait(refusal: AuthError) -> str | None:
    """Return how long to wait, in whole minutes from the second one on: nobody waits by the second for an hour."""
    wait: timedelta | None = getattr(refusal, "retry_after", None)
    if wait and wait > timedelta(minutes=2):
        wait = timedelta(minutes=-(-wait // timedelta(minutes=1)))
    return in_words(wait) if wait else None


def _with_retry_after(response: Response, refusal: AuthError | None) -> Response:
    if isinstance(refusal, RateLimitExceeded | ServiceBusy):
        response.headers["Retry-After"] = str(whole_seconds(refusal.retry_after))
    return response
