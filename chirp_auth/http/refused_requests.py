"""Requests that no view should see: those that do not name one host, and those whose body is encoded."""

from flask import Flask, request

from chirp_auth.errors import MalformedRequest, UnsupportedMediaType

ENCODED = "The body must not be compressed: send it without Content-Encoding."

WITHOUT_HOST = ("HTTP/1.0", "HTTP/1")  # granian writes the version as 1.


def init_app(app: Flask) -> None:
    """Refuse such a request before it is counted or read."""
    app.before_request(_check_host)
    app.before_request(_check_encoding)


def _check_host() -> None:
    """Refuse no host or several (RFC 9112, 3.2); servers join several with a comma, which stands in no host."""
    host = request.environ.get("HTTP_HOST", "")
    if "," in host or (not host and request.environ.get("SERVER_PROTOCOL") not in WITHOUT_HOST):
        raise MalformedRequest


def _check_encoding() -> None:
    """Refuse a body in another encoding than identity (RFC 9110, 8.4), rather than read what it does not say."""
    codings = {coding.strip().lower() for coding in request.headers.get("Content-Encoding", "").split(",")}
    if request.content_length and codings - {"", "identity"}:
        raise UnsupportedMediaType(ENCODED)
