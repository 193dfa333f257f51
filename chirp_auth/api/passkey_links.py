"""What browsers and password managers ask about our passkeys, at addresses that are the same for every site."""

from flask import Blueprint, Response, url_for

from chirp_auth.api.app_links import public
from chirp_auth.errors import NotFound
from chirp_auth.extensions import settings
from chirp_auth.security import passkey_site

passkey_links = Blueprint("passkey_links", __name__, url_prefix="/.well-known")


@passkey_links.get("/passkey-endpoints")
def endpoints() -> Response:
    """Say where passkeys are added and managed (W3C, A Well-Known URL for Relying Party Passkey Endpoints)."""
    if not passkey_site.are_possible():
        raise NotFound
    add, manage = url_for("auth.web.add_passkey"), url_for("auth.web.passkeys")
    return public({"enroll": settings.public_url + add, "manage": settings.public_url + manage})


@passkey_links.get("/webauthn")
def related_origins() -> Response:
    """Say on which other sites our passkeys work (WebAuthn Level 3, 5.11.1); there only where the settings name one."""
    if not settings.passkey_related_origins:
        raise NotFound
    return public({"origins": settings.passkey_related_origins})
