"""The API's documentation for machines and for people: the OpenAPI document, and a page that shows it."""

from typing import Any

from flask import Blueprint, Response, current_app, jsonify, render_template

from chirp_auth.api import openapi

documentation = Blueprint("documentation", __name__, url_prefix="/api")


@documentation.get("/openapi.json")
def as_json() -> Response:
    return jsonify(_document())


@documentation.get("/docs")
def as_page() -> str:
    document = _document()
    operations = [
        {"method": method.upper(), "path": path, **operation}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return render_template("api/docs.html", document=document, operations=operations)


def _document() -> dict[str, Any]:
    """Return the document, made once for each application."""
    made: dict[str, Any] | None = current_app.extensions.get("openapi_document")
    if made is None:
        made = openapi.document(current_app)
        current_app.extensions["openapi_document"] = made
    return made
