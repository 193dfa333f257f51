"""The states of the pages, a line each; they are made by the templates and functions of the real ones.

A new page or state gets its line in one of these tables: the tests find a template that no line shows.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial

from chirp_auth import errors
from chirp_auth.errors import AuthError, RateLimitExceeded
from chirp_auth.web import error_pages
from chirp_auth.web.error_pages import WayBack, error_page
from chirp_auth.web.gallery.account_pages import ACCOUNT_PAGES
from chirp_auth.web.gallery.link_pages import LINK_PAGES
from chirp_auth.web.gallery.passkey_pages import PASSKEY_PAGES
from chirp_auth.web.gallery.samples import EMAIL, State, shows
from chirp_auth.web.gallery.visitor_pages import VISITOR_PAGES
from chirp_auth.web.pages import sentence_of, status_of

TOO_MANY = RateLimitExceeded(timedelta(minutes=42))
# After a form was sent: its button sends it back filled in, where the others only open the page again.
SENT_FORM = {
    "status": 429,
    "title": error_pages.TITLES[429],
    "sentence": partial(sentence_of, TOO_MANY),
    "must_wait": True,
    "way_back": WayBack("/login", is_post=True, fields={"email": EMAIL}),
}


def _errors(*refusals: AuthError) -> Iterator[tuple[str, State]]:
    for refusal in refusals:
        yield f"error-{status_of(refusal)}", State(partial(error_page, refusal))


PAGES: Mapping[str, State] = {
    **VISITOR_PAGES,
    **LINK_PAGES,
    **ACCOUNT_PAGES,
    **PASSKEY_PAGES,
    **dict(_errors(errors.StaleForm(), errors.AddressNotConfirmed(), errors.NotFound(), errors.MethodNotAllowed())),
    **dict(_errors(errors.RequestTimeout(), errors.PayloadTooLarge(), errors.UnsupportedMediaType())),
    **dict(_errors(TOO_MANY, errors.InternalError(), errors.ServiceBusy())),
    "error-429-form": shows("errors/error.html", **SENT_FORM),
}
