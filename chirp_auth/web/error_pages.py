"""Error pages: what went wrong outside a form, and what to do next."""

from flask import Response
from flask_login import AnonymousUserMixin

from chirp_auth.errors import AuthError, RateLimitExceeded, ServiceBusy
from chirp_auth.extensions import DATABASE_AWAY, db
from chirp_auth.web.pages import page, sentence_of, status_of

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
NOBODY = AnonymousUserMixin()


def error_page(error: AuthError) -> Response:
    """Return a full page that says what went wrong and what to do next."""
    status = status_of(error)
    values = {
        "status": status,
        "title": TITLES.get(status, TITLES[400]),
        "sentence": NEXT_STEPS.get(status) or sentence_of(error),
        "must_wait": isinstance(error, RateLimitExceeded | ServiceBusy),
    }
    if status < 500:
        try:
            return page("errors/error.html", error, **values)
        except DATABASE_AWAY:
            db.session.rollback()
    # What is away may be the database, and the layout would ask it who is signed in.
    return page("errors/error.html", error, **values, current_user=NOBODY)
