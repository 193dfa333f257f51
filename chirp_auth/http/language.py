"""The language of a request: what the person chose, else what their browser or app asks for."""

from datetime import timedelta

from flask import Flask, Response, has_request_context, request
from werkzeug.wrappers import Response as Redirect

from chirp_auth import languages
from chirp_auth.extensions import settings
from chirp_auth.languages import DEFAULT, LANGUAGES

REMEMBERED_FOR = timedelta(days=365)


def init_app(app: Flask) -> None:
    """Say of each page in which language it is, and what decided that."""
    app.after_request(_announce)


def of_request() -> str:
    """Return the language to answer in, one of LANGUAGES; the default outside a request."""
    if not has_request_context():
        return DEFAULT
    chosen = request.cookies.get(_cookie(), "")
    if chosen in LANGUAGES:
        return chosen
    return request.accept_languages.best_match(LANGUAGES, DEFAULT) or DEFAULT


def of_app() -> str | None:
    """Return the language that an app asks for, or None; the JSON face reads no cookie."""
    return request.accept_languages.best_match(LANGUAGES)


def remember(response: Redirect, language: str) -> Redirect:
    """Add the cookie by which this browser keeps the language that was chosen."""
    response.set_cookie(
        _cookie(),
        language,
        max_age=REMEMBERED_FOR,
        secure=settings.in_production,
        httponly=True,
        samesite="Lax",
    )
    return response


def _cookie() -> str:
    return "__Host-language" if settings.in_production else "language"


def _announce(response: Response) -> Response:
    """Let a page's own word for its language win: a mail that is shown has one."""
    if response.mimetype == "text/html" and not response.content_language:
        response.content_language.add(languages.current())
        response.vary.update(("Accept-Language", "Cookie"))
    return response
