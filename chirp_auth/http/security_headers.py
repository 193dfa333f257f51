"""Security headers: what every answer says to browsers and caches (ASVS 5.0, V3.4)."""

from flask import Flask, Response, request

from chirp_auth.extensions import settings
from chirp_auth.http.request_context import REFERENCE_HEADER, reference

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)
TOKEN_PATHS = ("/reset-password", "/verify-email", "/not-me", "/not-registered", "/confirm-address")
A_YEAR_SECONDS = 31_536_000


def init_app(app: Flask) -> None:
    """Put the headers on every answer of the application; an answer's own word for one wins."""
    app.after_request(_protect)


def _protect(response: Response) -> Response:
    headers = response.headers
    headers[REFERENCE_HEADER] = reference()
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    if headers["Content-Security-Policy"] == PAGE_POLICY:
        headers.setdefault("X-Frame-Options", "DENY")  # What frame-ancestors says, for whoever knows only this.
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
    headers.setdefault("Referrer-Policy", "no-referrer" if _has_token() else "same-origin")
    if request.endpoint != "static":
        headers.setdefault("Cache-Control", "no-store")
    if settings.in_production:
        headers.setdefault("Strict-Transport-Security", f"max-age={2 * A_YEAR_SECONDS}; includeSubDomains")
    return response


def _has_token() -> bool:
    return request.path.startswith(TOKEN_PATHS)
