"""The language of a request: what the person chose, else what their browser or app asks for."""

from flask import has_request_context, request

from chirp_auth.languages import DEFAULT, LANGUAGES

COOKIE = "language"


def of_request() -> str:
    """Return the language to answer in, one of LANGUAGES; the default outside a request."""
    if not has_request_context():
        return DEFAULT
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return request.accept_languages.best_match(LANGUAGES, DEFAULT) or DEFAULT
