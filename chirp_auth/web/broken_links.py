"""The page for a mailed link that cannot be used; each kind of link brings its own words."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response
from markupsafe import Markup

from chirp_auth.errors import AuthError, InvalidToken, TokenAlreadyUsed, TokenExpired
from chirp_auth.web.pages import page

BROKEN_LINK = (InvalidToken, TokenExpired, TokenAlreadyUsed)
COPY_IT_AGAIN = (
    Markup("Go back to the mail and copy the whole line, from <b>http</b> to the very last letter."),
    "Paste it into the address bar. No dot, bracket or space may follow it.",
)


@dataclass(frozen=True, slots=True)
class Action:
    """A link to a page, or a button that posts to it."""

    label: str
    endpoint: str
    is_post: bool = False


RESET = Action("Reset the password", "auth.web.forgot_password")
SIGN_IN = Action("Sign in", "auth.web.sign_in")


@dataclass(frozen=True, slots=True)
class Words:
    """What the page says about one error. The first action is the one that most people want."""

    icon: str
    title: str
    lead: str
    actions: tuple[Action, ...]
    notes: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    title_suffix: str = ""
    back_to_sign_in: bool = False


def broken_link(error: AuthError, words: Mapping[type[AuthError], Words]) -> Response:
    """Return the page: a 410 for an error that has its own words, a 404 in those of InvalidToken for any other."""
    known = words.get(type(error))
    response = page("broken_link.html", words=known or words[InvalidToken])
    response.status_code = 404 if known is None or type(error) is InvalidToken else 410
    return response
