"""`/.well-known/security.txt`: where to report a vulnerability (RFC 9116)."""

from datetime import timedelta

from flask import Response

from chirp_auth.clock import now
from chirp_auth.extensions import settings
from chirp_auth.formatting import iso
from chirp_auth.web.blueprint import web

VALID_FOR = timedelta(days=90)  # RFC 9116, 2.5.5: less than a year ahead; each request counts anew.


@web.get("/.well-known/security.txt")
def security_txt() -> Response:
    contact = settings.security_contact or f"mailto:{settings.support_email}"
    lines = [
        f"Contact: {contact}",
        f"Expires: {iso(now() + VALID_FOR)}",
        "Preferred-Languages: en",
        f"Canonical: {settings.public_url}/.well-known/security.txt",
    ]
    return Response("\n".join(lines) + "\n", mimetype="text/plain")
