"""Static files with a version in their URL: an upgrade never mixes old styles with new pages."""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Response, current_app, request

from chirp_auth.web.blueprint import web

FOR_EVER = "public, max-age=31536000, immutable"  # RFC 8246; another version has another URL.


@web.app_url_defaults
def _add_version(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint == "static":
        values["v"] = _version(values["filename"])


@web.after_app_request
def _cache(response: Response) -> Response:
    """Let browsers keep the version that the URL names, and ask again where this is another one.

    During an upgrade a server of the other version may answer.
    """
    if request.endpoint == "static" and "v" in request.args and response.status_code in (200, 304):
        is_named = request.args["v"] == _version((request.view_args or {})["filename"])
        response.headers["Cache-Control"] = FOR_EVER if is_named else "no-cache"
    return response


def _version(filename: str) -> str:
    path = Path(current_app.static_folder or "", filename)
    return _digest(path, path.stat().st_mtime_ns)


@lru_cache
def _digest(path: Path, _mtime_ns: int) -> str:
    return sha256(path.read_bytes()).hexdigest()[:12]
