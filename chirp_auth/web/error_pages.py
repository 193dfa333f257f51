"""Error pages: what went wrong outside a form, and the way back to it."""

from dataclasses import dataclass
from typing import Any

from flask import Response, request
from flask_login import AnonymousUserMixin

from chirp_auth.errors import AuthError, RateLimitExceeded, ServiceBusy, StaleForm
from chirp_auth.extensions import DATABASE_AWAY, db
from chirp_auth.languages import lazy_gettext as _
from chirp_auth.web.forms import stale_form
from chirp_auth.web.pages import page, sentence_of, status_of

TITLES = {
    400: _("That did not work"),
    403: _("That did not work"),
    404: _("Page not found"),
    405: _("That did not work"),
    408: _("That took too long"),
    413: _("That was too much"),
    415: _("That did not work"),
    429: _("Too many attempts"),
    500: _("Something went wrong"),
    503: _("Busy just now"),
}
NEXT_STEPS = {
    404: _("There is nothing at this address. Perhaps it was cut in two on its way here."),
    405: _("This address is not for opening by hand. Please use the buttons on our pages."),
    413: _("That was more than we can take: 1 MB at most, in 100 fields at most. Please shorten it and try again."),
    415: _("This page takes what our form sends, as plain text. Please go back and send the form again."),
}
MAY_PASS = (429, 500, 503)  # The same request may succeed later.
KEPT_FIELDS = ("email", "first_name", "last_name", "phone_number", "keep")  # What was typed and is no secret.
NOBODY = AnonymousUserMixin()


@dataclass(frozen=True, slots=True)
class WayBack:
    """Where "Try again" leads: to a page, or by a POST to the form, filled in as it was except for passwords."""

    path: str
    is_post: bool
    fields: dict[str, str]


def error_page(error: AuthError) -> Response:
    """Return a full page that says what went wrong and what to do next."""
    status = status_of(error)
    values = {
        "status": status,
        "title": TITLES.get(status, TITLES[400]),
        "sentence": _sentence(error, status),
        "must_wait": isinstance(error, RateLimitExceeded | ServiceBusy),
        "way_back": _way_back() if status in MAY_PASS else None,
    }
    if status < 500:
        try:
            return page("errors/error.html", error, **values)
        except DATABASE_AWAY:
            db.session.rollback()
    # What is away may be the database, and the layout would ask it who is signed in.
    return page("errors/error.html", error, **values, current_user=NOBODY)


def _sentence(error: AuthError, status: int) -> str:
    return stale_form() if isinstance(error, StaleForm) else NEXT_STEPS.get(status) or sentence_of(error)


def _way_back() -> WayBack:
    # The form only as far as it was read: reading it may be what failed.
    typed: Any = request._get_current_object().__dict__.get("form", {})  # type: ignore[attr-defined]  # a proxy's
    fields = {name: typed[name] for name in KEPT_FIELDS if name in typed}
    return WayBack(request.path, request.method == "POST", fields)
