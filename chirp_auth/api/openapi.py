"""The OpenAPI 3.1 document: made from the contracts' routes, their models, and refusals as their dialects word them."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from chirp_auth.api import dialects
from chirp_auth.api.dialect import Dialect
from chirp_auth.api.openapi_refusals import codes_of, refusals_of, responses
from chirp_auth.api.openapi_schemas import ref, refusal_model, schemas
from chirp_auth.api.responses import one_of
from chirp_auth.api.route import ACCESS, RESET, Link, Route

VERSION = "1"
LARGEST_INT32 = 2**31 - 1


@cache
def document() -> dict[str, Any]:
    """Return the document of every published contract; it depends on no setting."""
    paths: dict[str, dict[str, Any]] = {}
    for dialect in dialects.ALL:
        for route in dialect.routes:
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", dialect.prefix + route.path)
            paths.setdefault(path, {})[route.method.lower()] = _operation(dialect, route, path)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Chirp Auth",
            "version": VERSION,
            "license": {"name": "MIT", "identifier": "MIT"},
            "description": "Accounts and password recovery: one set of rules behind four published contracts. "
            "What is not listed, such as 404 and 405, is refused in the same shape as the rest of its contract.",
        },
        "servers": [{"url": "/", "description": "The host that serves this document"}],
        "tags": [{"name": dialect.name, "description": type(dialect).__doc__} for dialect in dialects.ALL],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                ACCESS: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                RESET: {"type": "http", "scheme": "bearer", "description": "The token from the mailed link"},
            },
        },
    }


def document_of(server: str) -> dict[str, Any]:
    """Return the document as the server at this origin shows it."""
    return {**document(), "servers": [{"url": server}]}


def operation_id(dialect: Dialect, call: str) -> str:
    """Return a name that is one in every language that clients are generated in."""
    return f"{dialect.name}_{call}"


def _schemas() -> dict[str, Any]:
    """Return every schema, with the codes of each contract listed where its refusals show one."""
    shapes = schemas()
    for dialect in dialects.ALL:
        if dialect.code_member:
            members = shapes[refusal_model(dialect).__name__]["properties"]
            members[dialect.code_member]["description"] = one_of(codes_of(dialect))
    return shapes


def _operation(dialect: Dialect, route: Route, path: str) -> dict[str, Any]:
    examples = _examples().get(operation_id(dialect, route.name), {"answers": {}})
    answers = {
        str(status): _answer(model, examples["answers"].get(str(status))) for status, model in route.answers.items()
    }
    if route.links:  # They go on from the first answer: the others, such as a 202, carry nothing along.
        next(iter(answers.values()))["links"] = {
            call: _link(operation_id(dialect, call), link) for call, link in route.links.items()
        }
    operation: dict[str, Any] = {
        "operationId": operation_id(dialect, route.name),
        "tags": [dialect.name],
        "summary": route.summary,
        "responses": answers | responses(dialect, path, refusals_of(dialect, route)),
    }
    if dialect.subdomain:  # A POST that is not JSON is a page's form there, and a page answers it.
        operation["responses"]["400"]["content"]["text/html"] = {"schema": {"type": "string"}}
        operation["responses"]["default"] = {"description": "The page", "content": {"text/html": {}}}
    if parameters := [*_path_parameters(path), *_query_parameters(route)]:
        operation["parameters"] = parameters
    if route.body:
        content = _content(route.body, examples.get("body"))
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    operation["security"] = [{scheme: []} if scheme else {} for scheme in route.security]
    return operation


def _link(target: str, link: Link) -> dict[str, Any]:
    described: dict[str, Any] = {"operationId": target, "description": link.description}
    if link.parameters:
        described["parameters"] = dict(link.parameters)
    if link.body:
        described["requestBody"] = dict(link.body)
    return described


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "query",
            "schema": {
                "type": "integer",
                "format": "int32" if most <= LARGEST_INT32 else "int64",
                "minimum": 1,
                "maximum": most,
            },
        }
        for name, most in route.query.items()
    ]


def _answer(model: type[BaseModel] | None, example: Any) -> dict[str, Any]:
    if model is None:
        return {"description": "Done"}
    return {"description": "Done", "content": {"application/json": _content(model, example)}}


def _content(model: type[BaseModel], example: Any) -> dict[str, Any]:
    return {"schema": ref(model)} | ({"example": example} if example else {})


@cache
def _examples() -> dict[str, Any]:
    """Return what `scripts/examples.py` took from the transcripts of the tests."""
    examples: dict[str, Any] = json.loads(Path(__file__).with_name("examples.json").read_text(encoding="utf-8"))
    return examples
