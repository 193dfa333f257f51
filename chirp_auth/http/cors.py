"""CORS: pages of the permitted origins may call the JSON API (Fetch Standard, CORS protocol). Our pages: nobody.

No credentials are ever permitted: the JSON API reads no cookie, and a page on another origin sends none.
"""

from collections.abc import Iterable

from flask import Flask, Response, request

from chirp_auth.extensions import settings
from chirp_auth.http.request_context import REFERENCE_HEADER
from chirp_auth.http.routing import PLAIN_PATHS, is_plain, methods_of_json

REQUEST_HEADERS = "Authorization, Content-Type"
EXPOSED_HEADERS = f"Retry-After, RateLimit, RateLimit-Policy, {REFERENCE_HEADER}"
PREFLIGHT_SECONDS = 7200  # Chromium keeps a preflight's answer for no longer.


def init_app(app: Flask, prefixes: Iterable[str]) -> None:
    """Permit the origins of the settings to call the paths under these prefixes, and the plain contract."""
    exact = frozenset(prefixes)
    below = tuple(f"{prefix}/" for prefix in exact)

    def is_json_path() -> bool:
        return request.path in exact or request.path.startswith(below)

    @app.before_request
    def answer_preflight() -> Response | None:
        """Answer before anything is counted or looked up. An origin without permission gets the 405 of any OPTIONS."""
        if not (_is_preflight() and (is_json_path() or request.path in PLAIN_PATHS) and _is_permitted()):
            return None
        methods = methods_of_json(request)
        if not methods:
            return None
        response = Response(status=204)
        del response.headers["Content-Type"]
        response.headers["Access-Control-Allow-Methods"] = ", ".join(methods)
        response.headers["Access-Control-Allow-Headers"] = REQUEST_HEADERS
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        return _permit(response)

    @app.after_request
    def permit(response: Response) -> Response:
        if not (is_json_path() or is_plain(request)):
            return response
        response.vary.add("Origin")
        return _permit(response) if _is_permitted() else response


def _is_preflight() -> bool:
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def _is_permitted() -> bool:
    return request.headers.get("Origin") in settings.permitted_origins


def _permit(response: Response) -> Response:
    response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
    if not _is_preflight():
        response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
    response.vary.add("Origin")
    return response
