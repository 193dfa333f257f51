"""Where passkeys of this site work: the relying party and its origins (WebAuthn Level 3, 5.1.2 and 5.11)."""

from base64 import urlsafe_b64encode
from ipaddress import ip_address
from urllib.parse import urlsplit

from chirp_auth.extensions import settings
from config_network import origin_of


def are_possible() -> bool:
    """Say whether passkeys work at PUBLIC_URL: its host must be a name, not an address (5.1.2, effective domain)."""
    try:
        ip_address(rp_id())
    except ValueError:
        return True
    return False


def rp_id() -> str:
    """Return the host that passkeys are for; they do not outlive a change of it."""
    return urlsplit(settings.public_url).hostname or ""


def origins() -> list[str]:
    """Return where a ceremony may take place: on our pages, on related sites, in our Android and iOS apps."""
    android = [bytes.fromhex(fingerprint.replace(":", "")) for fingerprint in settings.android_cert_fingerprints]
    ios = [f"https://{rp_id()}"] if settings.apple_app_ids else []
    return [
        origin_of(settings.public_url),
        *settings.passkey_related_origins,
        *(f"android:apk-key-hash:{_base64url(digest)}" for digest in android),
        *ios,
    ]


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
