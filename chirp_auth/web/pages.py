"""Pages: rendering one, with the status and the headers of an error that it shows, and an error shown on a form."""

from datetime import timedelta
from typing import Any

from flask import Response, make_response, render_template

from chirp_auth.errors import AuthError, RateLimitExceeded, ServiceBusy, ValidationFailed
from chirp_auth.formatting import in_words, whole_seconds
from chirp_auth.languages import gettext as _
from chirp_auth.languages import translated
from chirp_auth.web.forms import Form

STATUSES = {
    "INVALID_CREDENTIALS": 401,
    "WRONG_SECOND_FACTOR": 401,
    "FRESH_PROOF_REQUIRED": 403,
    "ADDRESS_NOT_CONFIRMED": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "REQUEST_TIMEOUT": 408,
    "EMAIL_TAKEN": 409,
    "AUTHENTICATOR_APP_EXISTS": 409,
    "NO_SET_UP": 409,
    "LAST_WAY_IN": 409,
    "TOO_MANY_PASSKEYS": 409,
    "PAYLOAD_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "RATE_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "SERVICE_BUSY": 503,
}


def page(template: str, error: AuthError | None = None, **values: Any) -> Response:
    """Render a page. With an `error` it has that one's status and `Retry-After`; with an invalid form it is a 400."""
    form = values.get("form")
    status = status_of(error) if error else 400 if form is not None and form.errors else 200
    response = make_response(render_template(template, **values), status)
    if isinstance(error, RateLimitExceeded | ServiceBusy):
        response.headers["Retry-After"] = str(whole_seconds(error.retry_after))
    return response


def show_error(form: Form, error: AuthError, **fields: str | tuple[str | None, str]) -> None:
    """Put a rule's error beside the field that it is about, or on top of the form.

    `fields` maps codes to the name of a field, or to its name (None: the form) and a sentence that says it better.
    """
    if isinstance(error, ValidationFailed):
        for name, sentence in error.fields.items():
            form.add_error(name, translated(sentence))
        return
    field = fields.get(error.code)
    if isinstance(field, tuple):
        form.add_error(*field)
    else:
        form.add_error(field, sentence_of(error))


def status_of(error: AuthError) -> int:
    """Return the status of the page that shows the error."""
    return STATUSES.get(error.code, 400)


def sentence_of(error: AuthError) -> str:
    """Return the error as a whole sentence in the current language; after a limit it says how long to wait."""
    if isinstance(error, RateLimitExceeded):
        return _("Too many attempts. Please try again in %(wait)s.", wait=_wait(error.retry_after))
    sentence = translated(error.sentence)
    return sentence if sentence.endswith((".", "!")) else f"{sentence}."


def _wait(retry_after: timedelta) -> str:
    """Return how long to wait, in whole minutes beyond two: nobody counts the seconds of an hour."""
    minute = timedelta(minutes=1)
    return in_words(-(-retry_after // minute) * minute if retry_after > 2 * minute else retry_after)
