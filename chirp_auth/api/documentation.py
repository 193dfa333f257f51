"""The API's documentation for machines and for people: the OpenAPI document, and a page that shows it."""

from flask import Blueprint, Response, jsonify, render_template

from chirp_auth.api import openapi
from chirp_auth.extensions import settings

documentation = Blueprint("documentation", __name__, url_prefix="/api")


@documentation.get("/openapi.json")
def as_json() -> Response:
    return jsonify(openapi.document_of(settings.public_url))


@documentation.get("/docs")
def as_page() -> str:
    document = openapi.document()
    operations = [
        {"method": method.upper(), "path": path, **operation}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return render_template("api/docs.html", document=document, operations=operations)
