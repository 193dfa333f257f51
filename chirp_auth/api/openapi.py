"""The OpenAPI 3.1 document: made from the routes, the schemas that validate, and refusals as dialects word them."""

import re
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from chirp_auth import errors
from chirp_auth.api import dialects, request_body, responses
from chirp_auth.api.dialect import Dialect
from chirp_auth.api.operations import ACCESS, CALLS, RESET, UNREADABLE, Call
from chirp_auth.errors import AuthError, UnsupportedMediaType, ValidationFailed

VERSION = "1"
SHAPES: dict[str, type[BaseModel]] = {
    "v1": responses.Problem,
    "marketplace": responses.MarketplaceRefusal,
    "seller": responses.SellerRefusal,
    "plain": responses.PlainRefusal,
}
EXAMPLE_TIME = "2026-01-15T10:00:00Z"
ALWAYS: tuple[AuthError, ...] = (errors.ServiceBusy(), errors.InternalError())
OUTSIDE: tuple[AuthError, ...] = (errors.NotFound(), errors.MethodNotAllowed(), errors.MalformedRequest())


def document(app: Flask) -> dict[str, Any]:
    """Return the document of every published contract; it depends on no setting."""
    paths: dict[str, dict[str, Any]] = {}
    responses: dict[str, Any] = {}
    rules = {rule.endpoint: rule for rule in app.url_map.iter_rules()}
    for contract in dialects.ALL:
        dialect = contract.dialect
        for view, call in CALLS[dialect.name].items():
            rule = rules[f"auth.{dialect.name}.{view}"]
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            (method,) = (rule.methods or set()) - {"HEAD"}
            paths.setdefault(path, {})[method.lower()] = _operation(app, dialect, view, call, rule, path)
        for refusal in OUTSIDE:
            told = _refusals(app, dialect, dialect.prefix or "/login", (refusal,))
            responses[f"{dialect.name}.{refusal.code}"] = next(iter(told.values()))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Chirp Auth",
            "version": VERSION,
            "description": "Accounts and password recovery: one set of rules behind four published contracts.",
        },
        "tags": [{"name": contract.dialect.name, "description": contract.__doc__} for contract in dialects.ALL],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "responses": responses,
            "securitySchemes": {
                ACCESS: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                RESET: {"type": "http", "scheme": "bearer", "description": "The token from the mailed link"},
            },
        },
    }


def _operation(app: Flask, dialect: Dialect, view: str, call: Call, rule: Rule, path: str) -> dict[str, Any]:
    refuses = (*call.refuses, *(_unreadable(call.takes) if call.takes else ()), *ALWAYS)
    if dialect.subdomain:  # What is not JSON is a form there.
        refuses = tuple(refusal for refusal in refuses if not isinstance(refusal, UnsupportedMediaType))
    operation: dict[str, Any] = {
        "operationId": f"{dialect.name}.{view}",
        "tags": [dialect.name],
        "summary": call.summary,
        "responses": {str(status): _given(model) for status, model in call.gives.items()},
    }
    operation["responses"] |= _refusals(app, dialect, path, refuses)
    if dialect.subdomain:  # A POST that is not JSON is a page's form there, and a page answers it.
        operation["responses"]["400"]["content"]["text/html"] = {"schema": {"type": "string"}}
        operation["responses"]["default"] = {"description": "The page", "content": {"text/html": {}}}
    if parameters := _parameters(call, rule):
        operation["parameters"] = parameters
    if call.takes:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(call.takes)}}}
    if call.bearer:
        operation["security"] = [{call.bearer: []}]
    return operation


def _unreadable(takes: type[BaseModel]) -> tuple[AuthError, ...]:
    """Return the refusals of a body that is not `takes`; what is wrong with its members, validation says itself."""
    mistyped = {next(iter(takes.model_fields)): 0}
    for given in ({}, mistyped):  # where every member may be left out, nothing is missing from {}
        try:
            request_body.check(takes, given)
        except ValidationFailed as refusal:
            return (*UNREADABLE, refusal)
    raise AssertionError(f"{takes.__name__} takes anything")


def _parameters(call: Call, rule: Rule) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
        for name in sorted(rule.arguments)
    ]
    for name, most in (call.query or {}).items():
        found.append({"name": name, "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": most}})
    return found


def _given(model: type[BaseModel] | None) -> dict[str, Any]:
    if model is None:
        return {"description": "Done"}
    return {"description": "Done", "content": {"application/json": {"schema": _ref(model)}}}


def _refusals(app: Flask, dialect: Dialect, path: str, refuses: tuple[AuthError, ...]) -> dict[str, Any]:
    """Return the refusals by status, each with an example of every code: what the dialect really says."""
    found: dict[str, Any] = {}
    for refusal in refuses:
        with app.test_request_context(path):
            answer = dialect.refused(refusal)
        told_body = answer.get_json()
        if "timestamp" in told_body:
            told_body["timestamp"] = EXAMPLE_TIME
        content = {"schema": _ref(SHAPES[dialect.name]), "examples": {}}
        told = found.setdefault(
            str(answer.status_code), {"description": "Refused", "content": {answer.mimetype: content}}
        )
        for header in ("Retry-After", "WWW-Authenticate"):
            if header in answer.headers:
                told["headers"] = {header: {"schema": {"type": "string"}, "example": answer.headers[header]}}
        examples = told["content"][answer.mimetype]["examples"]
        examples[refusal.code if refusal.code not in examples else f"{refusal.code}_2"] = {"value": told_body}
    return {status: found[status] for status in sorted(found)}


def _schemas() -> dict[str, Any]:
    models: dict[type[BaseModel], Any] = dict.fromkeys(SHAPES.values(), "serialization")
    for calls in CALLS.values():
        for call in calls.values():
            models |= {model: "serialization" for model in call.gives.values() if model}
            if call.takes:
                models[call.takes] = "validation"
    _, schema = models_json_schema(list(models.items()), ref_template="#/components/schemas/{model}")
    return dict(sorted(schema["$defs"].items()))


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
