"""The page for a mailed link that cannot be used; each kind of link brings its own words."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response, current_app, request

from chirp_auth.errors import AuthError, InvalidToken, LinkNotOpened, TokenAlreadyUsed, TokenExpired
from chirp_auth.languages import lazy_gettext as _
from chirp_auth.web.pages import page

BROKEN_LINK = (InvalidToken, TokenExpired, TokenAlreadyUsed)
COPY_IT_AGAIN = (
    _("Go back to the mail and copy the whole line, from “http” to the very last letter."),
    _("Paste it into the address bar. No dot, bracket or space may follow it."),
)


@dataclass(frozen=True, slots=True)
class Action:
    """A link to a page, or a button that posts to it."""

    label: str
    endpoint: str
    is_post: bool = False


RESET = Action(_("Reset the password"), "auth.web.forgot_password")
SIGN_IN = Action(_("Sign in"), "auth.web.sign_in")


@dataclass(frozen=True, slots=True)
class Words:
    """What the page says about one error. The first action is the one that most people want."""

    icon: str
    title: str
    lead: str
    actions: tuple[Action, ...]
    notes: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    back_to_sign_in: bool = False


NOT_KEPT = _(
    "Did you open it here just now? Then your browser does not keep our cookies. "
    "Let it keep cookies of this site, and open the link once more."
)


def broken_link(error: AuthError, words: Mapping[type[AuthError], Words]) -> Response:
    """Return the page: a 410 for an error that has its own words, a 404 in those of InvalidToken for any other."""
    known = _not_opened(words) if isinstance(error, LinkNotOpened) else words.get(type(error))
    response = page("broken_link.html", words=known or words[InvalidToken])
    response.status_code = 404 if known is None or type(error) in (InvalidToken, LinkNotOpened) else 410
    return response


def _not_opened(words: Mapping[type[AuthError], Words]) -> Words:
    """Say that no link was opened here, and, to a browser that sent no cookie, why that may be."""
    sent_cookie = current_app.config["SESSION_COOKIE_NAME"] in request.cookies
    return Words(
        "mail",
        _("Open the link from the mail on this device"),
        _("This page belongs to a link that we mailed. Open it here, in the browser that you want to use."),
        words[InvalidToken].actions,
        () if sent_cookie else (NOT_KEPT,),
    )
