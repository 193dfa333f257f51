"""Security headers: what every answer says to browsers and caches (ASVS 5.0, V3.4)."""

from collections.abc import Iterator, Set

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
    response.headers[REFERENCE_HEADER] = reference()
    present = {name.lower() for name, _ in response.headers}
    response.headers.extend([header for header in _headers(present) if header[0].lower() not in present])
    return response


def _headers(present: Set[str]) -> Iterator[tuple[str, str]]:
    yield "X-Content-Type-Options", "nosniff"
    if "content-security-policy" not in present:
        yield "Content-Security-Policy", PAGE_POLICY
        yield "X-Frame-Options", "DENY"  # What frame-ancestors says, for whoever knows only this.
    yield "Cross-Origin-Opener-Policy", "same-origin"
    yield "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()"
    yield "Referrer-Policy", "no-referrer" if request.path.startswith(TOKEN_PATHS) else "same-origin"
    if request.endpoint != "static":
        yield "Cache-Control", "no-store"
    if settings.in_production:
        yield "Strict-Transport-Security", f"max-age={2 * A_YEAR_SECONDS}; includeSubDomains"
