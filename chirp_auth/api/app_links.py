"""App links: what Android and iOS ask for before the mobile app may open our https links itself.

Each is there only where the settings name an app; without one it is a 404 like any other.
"""

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify

from chirp_auth.errors import NotFound
from chirp_auth.extensions import settings

KEEP_SECONDS = 3600

app_links = Blueprint("app_links", __name__, url_prefix="/.well-known")


@app_links.get("/assetlinks.json")
def android() -> Response:
    """Say which Android app is ours (Google, Digital Asset Links)."""
    if settings.android_app_package is None:
        raise NotFound
    target = {
        "namespace": "android_app",
        "package_name": settings.android_app_package,
        "sha256_cert_fingerprints": settings.android_cert_fingerprints,
    }
    relations = ["delegate_permission/common.handle_all_urls", "delegate_permission/common.get_login_creds"]
    return public([{"relation": relations, "target": target}])


@app_links.get("/apple-app-site-association")
def apple() -> Response:
    """Say which iOS apps are ours, and that they open reset links (Apple, Supporting associated domains)."""
    if not settings.apple_app_ids:
        raise NotFound
    path = urlsplit(settings.frontend_url).path + settings.password_reset_redirect_url
    links = {"appIDs": settings.apple_app_ids, "components": [{"/": path, "?": {"token": "?*"}}]}
    return public({"applinks": {"details": [links]}, "webcredentials": {"apps": settings.apple_app_ids}})


def public(body: Any) -> Response:
    """Return the answer to anybody, which caches may keep for an hour."""
    answer = jsonify(body)
    answer.cache_control.public = True
    answer.cache_control.max_age = KEEP_SECONDS
    return answer
