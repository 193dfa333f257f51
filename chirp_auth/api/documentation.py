"""The API's documentation for machines and for people: the OpenAPI document, and a page that shows it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, jsonify, render_template
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from chirp_auth.api import openapi
from chirp_auth.api.dialects.v1 import PHRASES
from chirp_auth.extensions import settings

SENTENCE_MEMBERS = ("detail", "message", "error")

documentation = Blueprint("documentation", __name__, url_prefix="/api")


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a call may be refused: the status, the code of the domain, and the words of the contract."""

    status: str
    code: str
    words: str


@documentation.get("/openapi.json")
def as_json() -> Response:
    return jsonify(openapi.document_of(settings.public_url))


@documentation.get("/docs")
def as_page() -> str:
    document = openapi.document()
    contracts = [_contract(document, tag) for tag in document["tags"]]
    return render_template("api/docs.html", document=document, contracts=contracts, phrase=_phrase, as_text=_as_text)


def _contract(document: dict[str, Any], tag: dict[str, str]) -> dict[str, Any]:
    """Return a contract's calls, with what may refuse any of them said once."""
    calls = [
        _call(document, method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if tag["name"] in operation["tags"]
    ]
    of_all = _shared(call["refusals"] for call in calls)
    of_bodies = [each for each in _shared(call["refusals"] for call in calls if call["body"]) if each not in of_all]
    for call in calls:
        general = of_all + of_bodies if call["body"] else of_all
        call["refusals"] = [each for each in call["refusals"] if each not in general]
    refused = next(_examples(document["paths"][calls[0]["path"]][calls[0]["method"].lower()]["responses"]))[2]
    return {**tag, "calls": calls, "of_all": of_all, "of_bodies": of_bodies, "refused": refused}


def _call(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = document["components"]["schemas"].get(body.get("schema", {}).get("$ref", "").rpartition("/")[2], {})
    return {
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "security": operation["security"],
        "parameters": operation.get("parameters", []),
        "body": body.get("example"),
        "optional": [name for name in schema.get("properties", {}) if name not in schema.get("required", [])],
        "answers": {
            status: answer.get("content", {}).get("application/json", {}).get("example")
            for status, answer in operation["responses"].items()
            if status.startswith("2")
        },
        "refusals": list(_refusals(operation["responses"])),
    }


def _shared(refusals: Iterable[list[Refusal]]) -> list[Refusal]:
    """Return those that all the lists have, in the order of the first."""
    first, *others = refusals
    return [refusal for refusal in first if all(refusal in other for other in others)]


def _refusals(responses: dict[str, Any]) -> Iterator[Refusal]:
    for status, code, example in _examples(responses):
        words = next(example[member] for member in SENTENCE_MEMBERS if member in example)
        yield Refusal(status, code.removesuffix("_2"), words)


def _examples(responses: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the examples of refusals with their status and code."""
    for status, answer in responses.items():
        for content in answer.get("content", {}).values():
            for code, example in content.get("examples", {}).items():
                yield status, code, example["value"]


def _as_text(value: Any) -> Markup:
    """Return JSON to read; of what could be markup it has escapes, and quotation marks as they are."""
    return htmlsafe_json_dumps(value, dumps=json.dumps, indent=1, ensure_ascii=False)


def _phrase(status: str) -> str:
    """Return the words of a status: 404 Not Found."""
    return f"{status} {PHRASES.get(int(status)) or HTTPStatus(int(status)).phrase}"
