"""Routing: the plain contract and the pages share four paths; the content type of a POST tells them apart.

The plain blueprint's rules live in a routing space of their own, which Werkzeug calls a subdomain. A JSON POST
to a shared path is looked up there and nowhere else, so no view has to ask which of the two was meant.
"""

from collections.abc import Callable
from typing import Any

import structlog
from flask import Flask, Request, current_app
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from werkzeug.routing import MapAdapter

from chirp_auth.http.form_parser import FormRequest
from chirp_auth.http.request_context import reference

API_PATHS = ("/api/", "/healthz/")
PLAIN_PATHS = frozenset({"/register", "/login", "/forgot-password", "/reset-password"})
PLAIN_SUBDOMAIN = "plain"

log = structlog.get_logger("http")


class Cookies(SecureCookieSessionInterface):
    """The browser's cookie is for the browser: the JSON face reads none and cannot set one."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if request.path.startswith(API_PATHS) or is_plain(request) or request.method == "OPTIONS":
            return self.make_null_session(app)
        return super().open_session(app, request)


class Application(Flask):
    """Flask that sends a JSON POST on a shared path to the plain contract, and writes no path into a log."""

    session_interface = Cookies()
    request_class = FormRequest

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.url_map.merge_slashes = False  # A doubled slash is a 404 like any other, not a redirect with a page.

    def create_url_adapter(self, request: Any) -> MapAdapter | None:
        adapter = super().create_url_adapter(request)
        if adapter and isinstance(request, Request) and is_plain(request):
            adapter.subdomain = PLAIN_SUBDOMAIN
        return adapter

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is: none of ours is a coroutine, and Flask asks about twenty times in a request."""
        return func

    def log_exception(self, exc_info: Any) -> None:
        """Log what went wrong outside the views; Flask would name the path, in which a client may write anything."""
        log.error("bug", reference=reference(), exc_info=exc_info)


def answers_json(request: Request) -> bool:
    """Say whether whatever happens to the request is answered in JSON: on an API path, or because it asks for JSON."""
    return request.path == "/api" or request.path.startswith("/api/") or request.is_json or _prefers_json(request)


def methods_of_json(request: Request) -> list[str]:
    """Return the methods that the JSON face takes at the request's path; none where it has no such path."""
    adapter = current_app.create_url_adapter(request)
    if adapter and request.path in PLAIN_PATHS:
        adapter.subdomain = PLAIN_SUBDOMAIN
    return sorted(adapter.allowed_methods()) if adapter else []


def is_plain(request: Request) -> bool:
    """Say whether this is a call of the plain contract, not a page's."""
    return request.method == "POST" and request.is_json and request.path in PLAIN_PATHS


def _prefers_json(request: Request) -> bool:
    best = (request.accept_mimetypes.best or "").partition(";")[0].strip().lower()
    return best == "application/json" or best.endswith("+json")
